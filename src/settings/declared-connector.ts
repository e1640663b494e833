import type { z } from 'zod';

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
  };
}
