import type { z } from 'zod';
import type { HostList } from '../net/host-list';

/** A host that a setting makes a connection reach without TLS. */
export interface PlainTextHost {
  /** The key of the setting, such as `base_url`. */
  key: string;
  host: string;
}

/** What the settings need to know of a connector. Every connector has this shape. */
export interface DeclaredConnector {
  readonly name: string;
  readonly connection: {
    /** The schema of `connections.<name>`. */
    readonly settings: z.ZodType<unknown>;
    /** Environment variables by the key that they set. */
    readonly environment: Readonly<Record<string, string>>;
    /** The keys that the connection cannot work without. */
    readonly credentials: readonly string[];
    /**
     * Returns the host to which these settings would send the credential without TLS, and the key of the setting that
     * says so; null when TLS is demanded. Absent: the connection sends no credential of its own.
     */
    plainTextHost?(settings: unknown): PlainTextHost | null;
    /** Returns the private hosts that these settings allow requests to. */
    allowedHosts?(settings: unknown): HostList;
  };
}
