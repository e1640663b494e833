import { resolve } from 'node:path';
import type { SettingValues } from './definitions';
import { notEmpty } from './found-values';
import type { Environment } from './references';
import type { Settings, WebhookSecretSource } from './settings';
import type { TlsFiles } from './tls-files';

/** Variables of Temporal's own client that name a server. */
const TEMPORAL_VARIABLES = ['TEMPORAL_ADDRESS', 'TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE'];

/** Turns the flat list of values into {@link Settings}; relative paths become absolute. */
export function assemble(
  values: SettingValues,
  directory: string,
  env: Environment,
  webhookSecretSource: WebhookSecretSource | null,
  tls: TlsFiles | undefined,
): Omit<Settings, 'connections' | 'ruleSecrets'> {
  const cliPath = values['temporal.cli_path'];
  return {
    environment: values.environment,
    dataDir: resolve(directory, values.data_dir),
    rulesFile: resolve(directory, values.rules_file),
    country: values.country,
    numbers: [...values.numbers, ...values.agent_numbers],
    credentialsEnd: Object.fromEntries(
      values.credentials_end.map((entry) => {
        const [connection = '', day = ''] = entry.split('=');
        return [connection, new Date(day)];
      }),
    ),
    receiver: {
      host: values['receiver.host'],
      port: values['receiver.port'],
      adminHost: values['receiver.admin_host'],
      adminPort: values['receiver.admin_port'],
      adminAllowedHosts: values['receiver.admin_allowed_hosts'],
      webhookSecrets: values['receiver.webhook_secrets'],
      webhookSecretSource,
      publicUrl: values['receiver.public_url'],
      ipAllow: values['receiver.ip_allow'],
      trustProxy: values['receiver.trust_proxy'],
      ...(tls === undefined ? {} : { tls }),
      unauthenticatedPerMinute: values['receiver.unauthenticated_per_minute'],
    },
    retention: {
      maxAgeMs: values['retention.max_age'],
      maxBytes: values['retention.max_size'],
      quarantineMaxBytes: values['retention.quarantine_max_size'],
    },
    temporal: {
      configured:
        values['temporal.address'] !== null || TEMPORAL_VARIABLES.some((variable) => notEmpty(env[variable]) !== null),
      address: values['temporal.address'],
      namespace: values['temporal.namespace'],
      apiKey: values['temporal.api_key'],
      cliPath: cliPath === null ? null : resolve(directory, cliPath),
      port: values['temporal.port'],
      uiPort: values['temporal.ui_port'],
    },
    dispatch: { maxInFlight: values['dispatch.max_in_flight'], batches: values['dispatch.batches'] },
    backfill: {
      enabled: values['backfill.enabled'],
      everyMs: values['backfill.every'],
      // Backfill cannot tell an event that retention has deleted from a missed one, and would run it again.
      longestGapMs: Math.min(values['backfill.longest_gap'], values['retention.max_age']),
    },
  };
}
