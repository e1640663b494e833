import type { RuleSecrets } from './rule-secrets';
import type { Secret } from './secret';
import type { TlsFiles } from './tls-files';

/** The settings of the bridge, read and checked once at the start (`load.ts`). Paths are absolute, references resolved. */
export interface Settings {
  /** `production` does not start without protection of the webhook, and never uses stand-ins. */
  environment: 'development' | 'production';
  /** The folder of the inbox and of the bridge's own Temporal server. It is created when it does not exist. */
  dataDir: string;
  rulesFile: string;
  /** The secrets that rules may refer to. */
  ruleSecrets: RuleSecrets;
  /** ISO 3166-1 alpha-2, for phone numbers without a country code; null when it is not set. */
  country: string | null;
  /** The account's own phone numbers and those of its agents, as written. */
  numbers: string[];
  /** When credentials end, by connection: providers do not report it. */
  credentialsEnd: Record<string, Date>;
  receiver: ReceiverSettings;
  retention: RetentionSettings;
  temporal: TemporalSettings;
  dispatch: DispatchSettings;
  backfill: BackfillSettings;
  /** By connector name; every registered connector has an entry. */
  connections: Record<string, ConnectionSettings>;
}

export interface ReceiverSettings {
  host: string;
  /** 0 takes a free one; so does `adminPort`. */
  port: number;
  adminHost: string;
  adminPort: number;
  /** Host names that the admin port answers to, besides `adminHost`, loopback names and IP addresses. */
  adminAllowedHosts: string[];
  /**
   * Any of them is accepted, so that a secret can be rotated. The first one signs the sample events that the bridge
   * sends. Empty: signatures are not checked.
   */
  webhookSecrets: Secret[];
  /**
   * Where a secret that VoIPBIN made belongs: the first file that the settings file refers to for `webhook_secrets`, or
   * else the variable. Null: it refers to neither.
   */
  webhookSecretSource: WebhookSecretSource | null;
  /** What VoIPBIN calls; null when it is not set. */
  publicUrl: string | null;
  /** Addresses and CIDR ranges that may call the webhook. Empty: everyone. */
  ipAllow: string[];
  /** Proxies whose `X-Forwarded-For` is trusted, as addresses and CIDR ranges; false: none. */
  trustProxy: false | string[];
  /** The certificate and key, as they were when the settings were read. Absent: plain HTTP. */
  tls?: TlsFiles;
  /** Bad requests per address and minute, from which on it cannot send large bodies. */
  unauthenticatedPerMinute: number;
}

/** Where a webhook secret is read from. */
export type WebhookSecretSource = { kind: 'file'; path: string } | { kind: 'variable'; name: string };

/** How much the inbox keeps. */
export interface RetentionSettings {
  maxAgeMs: number;
  maxBytes: number;
  quarantineMaxBytes: number;
}

export interface TemporalSettings {
  /**
   * Whether a Temporal server is configured, by `address`, `TEMPORAL_ADDRESS`, `TEMPORAL_PROFILE` or
   * `TEMPORAL_CONFIG_FILE`. Otherwise the bridge runs its own.
   */
  configured: boolean;
  /**
   * `host:port` from the file; null when Temporal's own configuration or the bridge's own server decides. Temporal's
   * variables win over the three settings `address`, `namespace` and `apiKey`.
   */
  address: string | null;
  namespace: string | null;
  apiKey: Secret | null;
  /** The `temporal` binary for the bridge's own server; null: found or downloaded. */
  cliPath: string | null;
  /** The ports of the bridge's own server. */
  port: number;
  uiPort: number;
}

export interface DispatchSettings {
  /** The most workflow runs open at once. */
  maxInFlight: number;
  /** Whether events that wait are started in batches. */
  batches: boolean;
}

/** Ingesting events that no webhook delivered. */
export interface BackfillSettings {
  enabled: boolean;
  /** The time between two backfill runs. */
  everyMs: number;
  /** The longest period that an automatic backfill run covers. */
  longestGapMs: number;
}

export interface ConnectionSettings {
  /** The output of the connector's own schema, secrets as `Secret`; null while credentials are missing. */
  settings: unknown;
  /** The keys of credentials that are not set. */
  missing: string[];
  /** Where the credentials that are set were read, by key: `environment SLACK_BOT_TOKEN`, `/etc/bridge.yaml:12`. */
  readFrom: Readonly<Record<string, string>>;
}
