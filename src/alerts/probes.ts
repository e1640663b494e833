import type { RunLogReader } from '../dispatch/run-log';
import type { LaterRunsReader } from '../dispatch/later-runs';
import type { InboxReader } from '../inbox/archive/reader';
import { BACKFILL_CONTENT_TYPE } from '../ingest/trusted-body';
import { isInside, type Window } from '../rules/language/windows';
import type { AlertBook } from './book';
import type { Happening, Probe } from './watch';
import { failuresIn } from './failures';
import { failingConnections, parkedConnections, type KnownConnections } from './connections';

/** What the probes look at. Everything must be quick. */
export interface Watched extends KnownConnections {
  inbox: Pick<InboxReader, 'arrivals' | 'lastSeq' | 'quarantineAfter' | 'newestAt'>;
  runLog: Pick<RunLogReader, 'failedBetween'>;
  laterRuns: Pick<LaterRunsReader, 'failedBetween'>;
  temporal: () => string | null | undefined;
  worker: () => string | null;
  rules: () => string | null;
  store: () => string | null;
  /** Age of the oldest event that waits for its start. Milliseconds. */
  oldestAgeMs: () => number;
  /** Requests with a wrong or no signature since the bridge started. */
  refusedSignatures: () => number;
  /** Share of the disk that is free, 0 to 1. */
  freeDisk: () => number;
  /** When the webhook's certificate ends; null without one. */
  certificateEnds: () => Date | null;
  /** When credentials end, by connection. */
  credentialsEnd: () => Record<string, Date>;
  startedAt: Date;
}

const BACKLOG_AFTER_MS = 300_000;
const AWAY_AFTER_MS = 60_000;
const DOWN_AFTER_MS = 30_000;
const LEAST_FREE = 0.05;
const EXPIRES_WITHIN_MS = 14 * 86_400_000;
/** Ends of runs are read so long after: their record may be written a moment later. */
const SETTLED_AFTER_MS = 2_000;

/** The probes of a bridge with a receiver. */
export function probesOf(watched: Watched, book: AlertBook, now: () => number = Date.now): Probe[] {
  startFrom(watched, book, now());
  const single = (kind: Probe['kind'], summary: string | null, more: object = {}) =>
    summary === null ? [] : [{ kind, key: '', summary, ...more }];
  const temporalFor = lasting(now);
  const workerFor = lasting(now);
  return [
    { kind: 'run_failed', news: () => failedRuns(watched, book, now()) },
    {
      kind: 'connection_parked',
      now: () => parkedConnections(watched, book),
    },
    { kind: 'connection_failing', now: () => failingConnections(watched, book, now()) },
    {
      kind: 'rules_refused',
      now: () => single('rules_refused', watched.rules()),
    },
    {
      kind: 'backlog',
      now: () => {
        const ageMs = watched.oldestAgeMs();
        return single(
          'backlog',
          ageMs < BACKLOG_AFTER_MS
            ? null
            : `The oldest event has waited ${Math.round(ageMs / 60_000)} minutes to be started. See /readyz for what is in the way`,
        );
      },
    },
    {
      kind: 'disk',
      now: () => {
        const problem = watched.store();
        const free = watched.freeDisk();
        return single(
          'disk',
          problem ??
            (free >= LEAST_FREE
              ? null
              : `The disk of the data folder is ${Math.round((1 - free) * 100)} % full. Make room: events are refused when it is full`),
        );
      },
    },
    {
      kind: 'temporal_away',
      now: () => {
        const problem = watched.temporal() ?? null;
        return single(
          'temporal_away',
          temporalFor(problem !== null) < AWAY_AFTER_MS || problem === null
            ? null
            : `Temporal cannot be used: ${problem}. Events are kept and handled when it can`,
        );
      },
    },
    {
      kind: 'worker_down',
      now: () => {
        const problem = watched.worker();
        return single(
          'worker_down',
          workerFor(problem !== null) < DOWN_AFTER_MS || problem === null
            ? null
            : `The process that does the runs is not there: ${problem}. Events are kept. See the bridge's log`,
        );
      },
    },
    { kind: 'webhooks_missing', news: () => missingWebhooks(watched, book) },
    { kind: 'quarantine', news: () => quarantined(watched, book) },
    { kind: 'signature_refused', news: refusedSignatures(watched) },
    {
      kind: 'certificate_expiring',
      now: () => {
        const ends = watched.certificateEnds();
        return single(
          'certificate_expiring',
          ends === null || ends.getTime() - now() > EXPIRES_WITHIN_MS
            ? null
            : `The certificate of the webhook ends on ${ends.toISOString().slice(0, 10)}. Renew it: VoIPBIN cannot deliver afterwards`,
        );
      },
    },
    {
      kind: 'credential_expiring',
      now: () =>
        Object.entries(watched.credentialsEnd()).flatMap(([connection, ends]) =>
          ends.getTime() - now() > EXPIRES_WITHIN_MS
            ? []
            : [
                {
                  kind: 'credential_expiring' as const,
                  key: connection,
                  connection,
                  summary: `The credential of ${connection} ends on ${ends.toISOString().slice(0, 10)}. Make a new one`,
                },
              ],
        ),
    },
    { kind: 'silence', now: () => silences(watched, now()) },
  ];
}

/** What was there before the first start with alerts is no news. */
function startFrom({ inbox }: Watched, book: AlertBook, now: number): void {
  book.startCursor('failed', now);
  book.startCursor('arrivals', inbox.lastSeq());
  book.startCursor('quarantine', inbox.quarantineAfter(0).last);
}

/** How long something has been so, in milliseconds; 0 while it is not. */
function lasting(now: () => number): (is: boolean) => number {
  let since: number | null = null;
  return (is) => {
    since = is ? (since ?? now()) : null;
    return since === null ? 0 : now() - since;
  };
}

function failedRuns({ runLog, laterRuns }: Watched, book: AlertBook, now: number): Happening[] {
  const until = now - SETTLED_AFTER_MS;
  const from = book.cursor('failed');
  if (until <= from) {
    return [];
  }
  const failed = [...runLog.failedBetween(from, until), ...laterRuns.failedBetween(from, until)];
  book.setCursor('failed', until);
  return failuresIn(failed);
}

function missingWebhooks({ inbox }: Watched, book: AlertBook): Happening[] {
  const from = book.cursor('arrivals');
  const { last, count } = inbox.arrivals(from, BACKFILL_CONTENT_TYPE);
  book.setCursor('arrivals', Math.max(last, from));
  return count === 0
    ? []
    : [
        {
          kind: 'webhooks_missing',
          key: '',
          more: count,
          summary:
            'Backfill found events that no webhook delivered. Look at the webhook of the account: bridge webhook status',
        },
      ];
}

function quarantined({ inbox }: Watched, book: AlertBook): Happening[] {
  const from = book.cursor('quarantine');
  const { last, count } = inbox.quarantineAfter(from);
  book.setCursor('quarantine', Math.max(last, from));
  return count === 0
    ? []
    : [
        {
          kind: 'quarantine',
          key: '',
          more: count,
          summary: 'Requests came that are no events. See bridge events list --quarantine, then bridge events accept',
        },
      ];
}

function refusedSignatures({ refusedSignatures: read }: Watched): () => Happening[] {
  let seen = read();
  return () => {
    const more = read() - seen;
    seen += more;
    return more <= 0
      ? []
      : [
          {
            kind: 'signature_refused',
            key: '',
            more,
            summary:
              "Requests came without a valid signature. If they are VoIPBIN's, its secret has changed: events are lost until VOIPBIN_WEBHOOK_SECRET is right",
          },
        ];
  };
}

function silences(
  { inbox, routes, startedAt }: Watched,
  now: number,
): ReturnType<Extract<Probe, { now: unknown }>['now']> {
  return routes().flatMap(({ name, silence }) => {
    if (silence === null || (silence.window !== null && !isInside(silence.window, now))) {
      return [];
    }
    const last = Math.max(inbox.newestAt()?.getTime() ?? 0, startedAt.getTime());
    return insideMs(silence.window, last, now) < silence.after_ms
      ? []
      : [
          {
            kind: 'silence' as const,
            key: name,
            summary: `No event has come since ${new Date(last).toISOString().slice(0, 16)}Z. Look at the webhook of the account: bridge webhook status`,
          },
        ];
  });
}

const MINUTE_MS = 60_000;
/** Windows repeat every week. */
const MOST_MINUTES = 7 * 1_440;

/** How much of a span is inside a window, in whole minutes. */
function insideMs(window: Window | null, from: number, to: number): number {
  if (window === null) {
    return to - from;
  }
  const minutes = Math.min(Math.floor((to - from) / MINUTE_MS), MOST_MINUTES);
  let inside = 0;
  for (let minute = 1; minute <= minutes; minute += 1) {
    inside += isInside(window, to - minute * MINUTE_MS) ? MINUTE_MS : 0;
  }
  return inside;
}
