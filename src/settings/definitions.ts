import { isSupportedCountry } from 'libphonenumber-js/min';
import { z } from 'zod';
import { isWebUrl } from '../net/url-host';
import { Secret } from './secret';
import {
  address,
  durationOfMinutes,
  flag,
  host,
  hostAndPort,
  hostName,
  InvalidValue,
  optionalText,
  port,
  several,
  single,
  size,
  text,
  trustedProxies,
  wholeNumber,
} from './value-types';

/**
 * Every setting except those of connections: its dotted name in bridge.yaml, its default and its type. config/bridge.yaml
 * describes each; a test compares the two.
 */
export const SETTINGS = z.object({
  environment: single<'development' | 'production'>('development', (value) =>
    value === 'development' || value === 'production' ? value : new InvalidValue('expected development or production'),
  ),
  data_dir: text('.bridge'),
  rules_file: text('config/rules.yaml'),
  rules_secrets: several((value) =>
    /^(?:[A-Za-z_][A-Za-z0-9_]*\*?|.*\/.*)$/.test(value)
      ? value
      : new InvalidValue(
          'expected the name of a variable, the beginning of names (CRM_*), or the path of a file or folder',
        ),
  ),
  country: single<string | null>(null, (value) =>
    isSupportedCountry(value.toUpperCase())
      ? value.toUpperCase()
      : new InvalidValue('expected a country of two letters (ISO 3166-1), such as KR or US'),
  ),
  numbers: several((value) => value),
  agent_numbers: several((value) => value),
  credentials_end: several((value) =>
    /^[a-z_]+=\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value.split('=')[1] ?? ''))
      ? value
      : new InvalidValue('expected a connection and a date, such as voipbin=2027-03-31'),
  ),
  'receiver.host': hostName('0.0.0.0'),
  'receiver.port': port(5000),
  'receiver.admin_host': hostName('127.0.0.1'),
  'receiver.admin_port': port(5001),
  'receiver.admin_allowed_hosts': several(host),
  'receiver.webhook_secrets': several((value) => new Secret(value)),
  'receiver.public_url': single<string | null>(null, (value) =>
    isWebUrl(value)
      ? value
      : new InvalidValue('expected the URL that VoIPBIN calls, such as https://bridge.example.com/voipbin/webhook'),
  ),
  'receiver.ip_allow': several(address),
  'receiver.trust_proxy': trustedProxies(),
  'receiver.tls.cert_file': optionalText(),
  'receiver.tls.key_file': optionalText(),
  'receiver.unauthenticated_per_minute': wholeNumber(60, 1, 1_000_000, 'a number'),
  'retention.max_age': durationOfMinutes('30d'),
  'retention.max_size': size('5GB', '10MB'),
  'retention.quarantine_max_size': size('100MB', '1MB'),
  'temporal.address': hostAndPort(),
  'temporal.namespace': optionalText(),
  'temporal.api_key': single<Secret | null>(null, (value) => new Secret(value)),
  'temporal.cli_path': optionalText(),
  'temporal.port': port(7233),
  'temporal.ui_port': port(8233),
  'dispatch.max_in_flight': wholeNumber(20, 1, 1_000, 'a number'),
  'dispatch.batches': flag(true),
  'backfill.enabled': flag(true),
  'backfill.every': durationOfMinutes('15m'),
  'backfill.longest_gap': durationOfMinutes('24h'),
});

/** The dotted name of a setting, as in the file. */
export type SettingName = keyof SettingValues;

/** The values of all settings by name, checked. */
export type SettingValues = z.output<typeof SETTINGS>;

/**
 * The environment variable of each setting. Null where Temporal's own variables apply: Temporal's library reads them, and
 * they win over the file.
 */
export const VARIABLES: Readonly<Record<SettingName, string | null>> = {
  environment: 'BRIDGE_ENV',
  data_dir: 'BRIDGE_DATA_DIR',
  rules_file: 'BRIDGE_RULES',
  rules_secrets: 'BRIDGE_RULES_SECRETS',
  country: 'BRIDGE_COUNTRY',
  numbers: 'VOIPBIN_NUMBERS',
  agent_numbers: 'VOIPBIN_AGENT_NUMBERS',
  credentials_end: 'BRIDGE_CREDENTIALS_END',
  'receiver.host': 'BRIDGE_HOST',
  'receiver.port': 'PORT',
  'receiver.admin_host': 'BRIDGE_ADMIN_HOST',
  'receiver.admin_port': 'BRIDGE_ADMIN_PORT',
  'receiver.admin_allowed_hosts': 'BRIDGE_ADMIN_ALLOWED_HOSTS',
  'receiver.webhook_secrets': 'VOIPBIN_WEBHOOK_SECRET',
  'receiver.public_url': 'BRIDGE_PUBLIC_URL',
  'receiver.ip_allow': 'BRIDGE_IP_ALLOW',
  'receiver.trust_proxy': 'BRIDGE_TRUST_PROXY',
  'receiver.tls.cert_file': 'BRIDGE_TLS_CERT_FILE',
  'receiver.tls.key_file': 'BRIDGE_TLS_KEY_FILE',
  'receiver.unauthenticated_per_minute': 'BRIDGE_UNAUTHENTICATED_PER_MINUTE',
  'retention.max_age': 'BRIDGE_RETENTION_MAX_AGE',
  'retention.max_size': 'BRIDGE_RETENTION_MAX_SIZE',
  'retention.quarantine_max_size': 'BRIDGE_QUARANTINE_MAX_SIZE',
  'temporal.address': null,
  'temporal.namespace': null,
  'temporal.api_key': null,
  'temporal.cli_path': 'TEMPORAL_CLI_PATH',
  'temporal.port': 'BRIDGE_TEMPORAL_PORT',
  'temporal.ui_port': 'BRIDGE_TEMPORAL_UI_PORT',
  'dispatch.max_in_flight': 'BRIDGE_MAX_IN_FLIGHT',
  'dispatch.batches': 'BRIDGE_BATCHES',
  'backfill.enabled': 'BRIDGE_BACKFILL',
  'backfill.every': 'BRIDGE_BACKFILL_EVERY',
  'backfill.longest_gap': 'BRIDGE_BACKFILL_LONGEST_GAP',
};
