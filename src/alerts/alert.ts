import type { AlertKind, AlertRoute } from '../rules/alert-route';

/** What is wrong, as a probe sees it. No personal data: it goes to chats and mails. */
export interface Condition {
  kind: AlertKind;
  /**
   * What distinguishes it from others of its kind: the connection, or rule and error class. Empty where there is one
   * only.
   */
  key: string;
  rule?: string;
  connection?: string;
  error_class?: string;
  /** One or two sentences: what happened and what to do. */
  summary: string;
}

/** An alert as it is kept. */
export interface Alert {
  id: number;
  kind: AlertKind;
  key: string;
  rule: string | null;
  connection: string | null;
  error_class: string | null;
  summary: string;
  /** How often it has happened. */
  count: number;
  since: string;
  last_at: string;
  /** Null while it lasts. */
  ended_at: string | null;
  /** Who takes care of it: it is not sent again. Null when nobody said so. */
  acked_by: string | null;
}

/** A notification: that an alert began, or ended. */
export interface Telling {
  alert: Alert;
  route: string;
  /** Whether it says that the alert is over. */
  ended: boolean;
}

/** Kinds that last until they are over. The others happen, and are over when they have not happened for a while. */
export const LASTING: ReadonlySet<AlertKind> = new Set([
  'connection_parked',
  'connection_failing',
  'rules_refused',
  'backlog',
  'disk',
  'temporal_away',
  'worker_down',
  'certificate_expiring',
  'credential_expiring',
  'silence',
]);

const DEFAULT_QUIET_MS = 900_000;

/** The longest quiet time that a route sets for a kind. Milliseconds. */
export function quietOf(kind: AlertKind, routes: readonly AlertRoute[]): number {
  const times = routes.filter(({ on }) => on.includes(kind)).map(({ quiet_ms: ms }) => ms);
  return times.length === 0 ? DEFAULT_QUIET_MS : Math.max(...times);
}
