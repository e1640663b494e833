import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { isSupportedCountry } from 'libphonenumber-js/min';
import { z } from 'zod';
import { parseDuration } from '../yaml/duration';
import { Secret } from './secret';
import { parseSize } from '../yaml/size';

/** Why a value is refused: what was expected. Never the value itself. */
class Refused {
  constructor(readonly message: string) {}
}

/**
 * A setting of one value. Whatever it was in the file (text, number, boolean), it is read as the text that it would be
 * in the environment, so that both places take the same.
 */
function single<T>(fallback: T, read: (text: string) => T | Refused) {
  return z.unknown().transform((raw, context): T => {
    if (raw === undefined) {
      return fallback;
    }
    const value =
      typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'boolean'
        ? read(String(raw).trim())
        : new Refused('expected a single value');
    if (value instanceof Refused) {
      context.addIssue({ code: 'custom', message: value.message });
      return z.NEVER;
    }
    return value;
  });
}

/** A setting of several values: a list, or one text with commas. Every faulty one is told. */
function several<T>(read: (text: string) => T | Refused) {
  return z.unknown().transform((raw, context) => readSeveral(raw, context, read));
}

function readSeveral<T>(raw: unknown, context: z.RefinementCtx, read: (text: string) => T | Refused): T[] {
  const isList = Array.isArray(raw);
  const items: unknown[] = isList ? raw : typeof raw === 'string' ? raw.split(',') : raw === undefined ? [] : [raw];
  const values: T[] = [];
  for (const [index, item] of items.entries()) {
    const text = item === null ? '' : typeof item === 'string' || typeof item === 'number' ? String(item).trim() : null;
    const value = text === null ? new Refused('expected a list of texts') : text === '' ? null : read(text);
    if (value instanceof Refused) {
      context.addIssue({ code: 'custom', message: value.message, path: isList ? [index] : [] });
    } else if (value !== null) {
      values.push(value);
    }
  }
  return values;
}

function text(fallback: string) {
  return single(fallback, (value) => value);
}

function optionalText() {
  return single<string | null>(null, (value) => value);
}

function wholeNumber(fallback: number, least: number, most: number, what: string) {
  return single(fallback, (value) => {
    const number = Number(value);
    return /^\d+$/.test(value) && number >= least && number <= most
      ? number
      : new Refused(`expected ${what} from ${least} to ${most}`);
  });
}

function flag(fallback: boolean) {
  return single(fallback, (value) =>
    value === 'true' || value === 'false' ? value === 'true' : new Refused('expected true or false'),
  );
}

function port(fallback: number) {
  return wholeNumber(fallback, 0, 65_535, 'a port');
}

function size(fallback: string, least: string) {
  const smallest = parseSize(least) ?? 0;
  return single(parseSize(fallback) ?? 0, (value) => {
    const bytes = parseSize(value);
    return bytes !== null && bytes >= smallest
      ? bytes
      : new Refused(`expected a size of at least ${least}, such as ${fallback}`);
  });
}

function age(fallback: string) {
  return single(parseDuration(fallback) ?? 0, (value) => {
    const ms = parseDuration(value);
    return ms !== null && ms >= 60_000
      ? ms
      : new Refused(`expected a duration of at least 1m, such as ${fallback} or 12h`);
  });
}

function hostName(fallback: string) {
  return single(fallback, (value) =>
    isIP(value) !== 0 || /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(value)
      ? value
      : new Refused('expected an IP address or a host name, without http:// and without a port'),
  );
}

function hostAndPort() {
  return single<string | null>(null, (value) =>
    /^[^\s/:]+:\d{1,5}$|^\[[0-9A-Fa-f:]+\]:\d{1,5}$/.test(value)
      ? value
      : new Refused('expected host:port, such as temporal.example.com:7233'),
  );
}

function address(value: string): string | Refused {
  return ipaddr.isValidCIDR(value) || isIP(value) !== 0
    ? value
    : new Refused('expected an IP address or CIDR range, such as 203.0.113.7 or 203.0.113.0/24');
}

function trustedProxies() {
  return z.unknown().transform((raw, context): false | string[] => {
    if (raw === undefined || raw === false || raw === 'false') {
      return false;
    }
    const asText = raw === true ? 'true' : raw;
    return readSeveral(asText, context, (value) =>
      value === 'true'
        ? new Refused("expected the proxies' addresses; true would believe anybody's X-Forwarded-For")
        : address(value),
    );
  });
}

/**
 * Every setting but the connections': its place in bridge.yaml, and what it takes. The description of each is in
 * config/bridge.yaml, which a test holds against this list.
 */
export const SETTINGS = z.object({
  environment: single<'development' | 'production'>('development', (value) =>
    value === 'development' || value === 'production' ? value : new Refused('expected development or production'),
  ),
  data_dir: text('.bridge'),
  rules_file: text('config/rules.yaml'),
  country: single<string | null>(null, (value) =>
    isSupportedCountry(value.toUpperCase())
      ? value.toUpperCase()
      : new Refused('expected a country of two letters (ISO 3166-1), such as KR or US'),
  ),
  numbers: several((value) => value),
  'receiver.host': hostName('0.0.0.0'),
  'receiver.port': port(5000),
  'receiver.admin_host': hostName('127.0.0.1'),
  'receiver.admin_port': port(5001),
  'receiver.webhook_secrets': several((value) => new Secret(value)),
  'receiver.ip_allow': several(address),
  'receiver.trust_proxy': trustedProxies(),
  'receiver.tls.cert_file': optionalText(),
  'receiver.tls.key_file': optionalText(),
  'receiver.unauthenticated_per_minute': wholeNumber(60, 1, 1_000_000, 'a number'),
  'retention.max_age': age('30d'),
  'retention.max_size': size('5GB', '10MB'),
  'retention.quarantine_max_size': size('100MB', '1MB'),
  'temporal.address': hostAndPort(),
  'temporal.namespace': optionalText(),
  'temporal.api_key': single<Secret | null>(null, (value) => new Secret(value)),
  'temporal.cli_path': optionalText(),
  'temporal.port': port(7233),
  'temporal.ui_port': port(8233),
  'dispatch.max_in_flight': wholeNumber(20, 1, 1_000, 'a number'),
  'backfill.enabled': flag(true),
  'backfill.every': age('15m'),
  'backfill.longest_gap': age('24h'),
});

/** The name of a setting as in the file, dotted. */
export type SettingName = keyof z.output<typeof SETTINGS>;

/**
 * The environment variable of each setting. Null where Temporal's own variables say it, which its own library reads and
 * which win over the file.
 */
export const VARIABLES: Readonly<Record<SettingName, string | null>> = {
  environment: 'BRIDGE_ENV',
  data_dir: 'BRIDGE_DATA_DIR',
  rules_file: 'BRIDGE_RULES',
  country: 'BRIDGE_COUNTRY',
  numbers: 'VOIPBIN_NUMBERS',
  'receiver.host': 'BRIDGE_HOST',
  'receiver.port': 'PORT',
  'receiver.admin_host': 'BRIDGE_ADMIN_HOST',
  'receiver.admin_port': 'BRIDGE_ADMIN_PORT',
  'receiver.webhook_secrets': 'VOIPBIN_WEBHOOK_SECRET',
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
  'backfill.enabled': 'BRIDGE_BACKFILL',
  'backfill.every': 'BRIDGE_BACKFILL_EVERY',
  'backfill.longest_gap': 'BRIDGE_BACKFILL_LONGEST_GAP',
};
