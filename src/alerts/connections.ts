import type { AlertRoute } from '../rules/alert-route';
import type { Condition } from './alert';
import type { AlertBook } from './book';

/** What the worker says of its connections. `undefined`: not known. */
export interface KnownConnections {
  /** Parked connections by name, with the reason. */
  parked: () => Record<string, string> | undefined;
  /** Whether that is all of them. False for a moment after the worker's start. */
  isParkedKnown: () => boolean;
  /** Connections whose attempts all fail, since when (epoch ms). */
  failing: () => Record<string, { since: number; attempts: number; code: string }> | undefined;
  /** Connections that have answered since the worker started (epoch ms). */
  seenWorking: () => { since: number; names: readonly string[] } | undefined;
  routes: () => readonly AlertRoute[];
}

/** A worker that has just started has had the time to try a connection that failed before. */
const UNKNOWN_AFTER_START_MS = 1_800_000;

/** What was parked counts as parked still until the worker knows what is. */
export function parkedConnections({ parked, isParkedKnown }: KnownConnections, book: AlertBook): Condition[] {
  const known = parked() ?? {};
  const open = isParkedKnown() ? [] : book.open().filter(({ kind }) => kind === 'connection_parked');
  return [
    ...open
      .filter(({ key }) => known[key] === undefined)
      .map(({ key, summary }) => ({ kind: 'connection_parked' as const, key, summary })),
    ...Object.entries(known).map(([connection, reason]) => ({
      kind: 'connection_parked' as const,
      key: connection,
      connection: connection.split('/')[0] ?? connection,
      summary: `${connection} is parked: ${reason}. Its steps wait. What to do: bridge connections list`,
    })),
  ];
}

/**
 * The shortest time of the file counts. What failed counts as failing still while the worker says nothing, and after its
 * start until it has seen the connection work, or had the time to.
 */
export function failingConnections(
  { failing, seenWorking, routes }: KnownConnections,
  book: AlertBook,
  now: number,
): Condition[] {
  const wanted = routes().filter(({ on }) => on.includes('connection_failing'));
  const afterMs = Math.min(...wanted.map(({ failing_after_ms: ms }) => ms));
  const known = failing();
  const seen = seenWorking();
  const isUnknown = (connection: string): boolean =>
    known === undefined ||
    seen === undefined ||
    (now - seen.since < UNKNOWN_AFTER_START_MS && !seen.names.includes(connection));
  const still = book.open().filter(({ kind, key }) => kind === 'connection_failing' && isUnknown(key));
  const found = Object.entries(known ?? {}).filter(([, { since }]) => now - since >= afterMs);
  return [
    ...still.map(({ key, summary }) => ({ kind: 'connection_failing' as const, key, connection: key, summary })),
    ...found
      .filter(([connection]) => !still.some(({ key }) => key === connection))
      .map(([connection, { since, code }]) => ({
        kind: 'connection_failing' as const,
        key: connection,
        connection,
        summary: `${connection} has failed at every attempt since ${new Date(since).toISOString().slice(0, 16)}Z (${code}). Its steps are retried. What to do: look whether the service works, then bridge connections check`,
      })),
  ];
}
