import type { Secret } from './secret';

/**
 * Everything the bridge can be told, read and checked once at the start (`load.ts`); all paths absolute, all texts
 * resolved.
 */
export interface Settings {
  /** `production` refuses to start unprotected or with stand-ins. */
  environment: 'development' | 'production';
  /** Where the inbox and the embedded Temporal server keep their data. Need not exist yet. */
  dataDir: string;
  rulesFile: string;
  /** ISO 3166-1 alpha-2, for phone numbers written without a country code; null when there is none. */
  country: string | null;
  /** Our own phone numbers, as written. */
  numbers: string[];
  receiver: ReceiverSettings;
  retention: RetentionSettings;
  temporal: TemporalSettings;
  dispatch: DispatchSettings;
  backfill: BackfillSettings;
  /** By connector name; every connector that is registered has one. */
  connections: Record<string, ConnectionSettings>;
}

export interface ReceiverSettings {
  host: string;
  /** 0 takes a free one; so does `adminPort`. */
  port: number;
  adminHost: string;
  adminPort: number;
  /**
   * Several while rotating: any of them is accepted, the first one signs what we send ourselves. None: signatures are
   * not checked.
   */
  webhookSecrets: Secret[];
  /** Addresses and CIDR ranges that may call the webhook; none: everyone. */
  ipAllow: string[];
  /** Proxies whose `X-Forwarded-For` is believed, as addresses and CIDR ranges; false: none. */
  trustProxy: false | string[];
  /** PEM files, both there and readable. Absent: plain HTTP. */
  tls?: { certFile: string; keyFile: string };
  /** Per address: so many requests with a bad signature are answered at full speed. */
  unauthenticatedPerMinute: number;
}

/** How much the inbox keeps. */
export interface RetentionSettings {
  maxAgeMs: number;
  maxBytes: number;
  quarantineMaxBytes: number;
}

export interface TemporalSettings {
  /**
   * Whether a Temporal is named, by `address`, `TEMPORAL_ADDRESS`, `TEMPORAL_PROFILE` or `TEMPORAL_CONFIG_FILE`; else
   * the bridge runs its own.
   */
  configured: boolean;
  /**
   * `host:port` from the file; null when Temporal's own configuration or the embedded server decides. Temporal's own
   * variables win over these three.
   */
  address: string | null;
  namespace: string | null;
  apiKey: Secret | null;
  /** A `temporal` binary to use for the embedded server; null: found or fetched. */
  cliPath: string | null;
  /** The embedded server's ports. */
  port: number;
  uiPort: number;
}

export interface DispatchSettings {
  /** Runs that are at work at once. */
  maxInFlight: number;
}

/** Looking for events that no webhook brought. */
export interface BackfillSettings {
  enabled: boolean;
  /** The look of the safety net. */
  everyMs: number;
  /** How far back it looks by itself, at most. */
  longestGapMs: number;
}

export interface ConnectionSettings {
  /** What the connector's own schema made of it, secrets as `Secret`; null while credentials are missing. */
  settings: unknown;
  /** Credentials that are not set, by their key. */
  missing: string[];
}
