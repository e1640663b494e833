import { setImmediate as yieldToEventLoop, setTimeout as delay } from 'node:timers/promises';
import { ActionError } from '../connectors/action-error';
import { InboxUnavailable } from '../inbox/inbox-unavailable';
import type { Ingest } from '../ingest/ingest';
import { TrustedBody } from '../ingest/trusted-body';
import { earlier, later, readListedPage, type ListedPage, type VoipbinLists } from './listed-page';
import { lookBackTo, type Cursor, type ListProgress, type Progress } from './progress';
import { BackfillReport } from './report';
import { RESOURCES, type Resource, type ResourceEvent } from './resource-event';

/** Limits of one pass. */
export interface PassLimits {
  /** The furthest that it goes back. Milliseconds. */
  longestGapMs: number;
  /** How far it reads into what was read before: VoIPBIN's lists lag, and clocks differ. Milliseconds. */
  overlapMs: number;
  /** An event younger than this may still come by webhook; the next pass takes it. Milliseconds. */
  settleMs: number;
  /** A call that lasts longer than this no longer holds back the mark. Milliseconds. */
  openForMs: number;
  /** A cursor older than this is dropped, and the list is read from the top. Milliseconds. */
  cursorMaxAgeMs: number;
  /** Pages of one list. */
  maxPages: number;
  /** Missed events of one list. */
  maxEvents: number;
  /** Time for one list. Milliseconds. */
  maxMs: number;
  /** Pause between two pages, which leaves the account's rate limit to others. Milliseconds. */
  pagePauseMs: number;
  /** Events that are ingested together; webhooks are served between two batches. */
  batchSize: number;
}

/** Limits that suit VoIPBIN: 16.7 requests a second per account, and it hangs up every call well before `openForMs`. */
export const PASS_LIMITS: Omit<PassLimits, 'longestGapMs'> = {
  overlapMs: 600_000,
  settleMs: 60_000,
  openForMs: 4 * 3_600_000,
  cursorMaxAgeMs: 3_600_000,
  maxPages: 50,
  maxEvents: 2_000,
  maxMs: 60_000,
  pagePauseMs: 200,
  batchSize: 20,
};

/** Why a pass failed on a list. Without personal data. */
export interface PassProblem {
  resource: Resource;
  /** Stable and machine-readable. */
  code: string;
  message: string;
  remedy: string | null;
  retryAfterMs: number | null;
}

/** What a pass needs. */
export interface PassOptions {
  client: VoipbinLists;
  ingest: Ingest;
  /** Changed in place as the pass advances. */
  progress: Progress;
  /** Saves the progress. Called after every page, once all its events are in the inbox. */
  save: () => Promise<void>;
  limits: PassLimits;
  now: () => Date;
  signal: AbortSignal;
}

/** How a pass ended. */
export interface PassResult {
  report: BackfillReport;
  /** Whether every list was read down to where it had been read to before. */
  finished: boolean;
  problems: PassProblem[];
}

/**
 * Reads VoIPBIN's lists once, newest first, down to where they were read to before, and ingests every event they show.
 *
 * Guarantees
 * - The mark of a list moves only past resources whose events are in the inbox. A pass that is killed, stopped, refused
 *   or at its limits loses nothing: the next one continues from there.
 * - A list that fails does not stop the others.
 * - Bounded in pages, events and time; one page in memory. Throws nothing.
 *
 * Not guaranteed: the order of events; that a resource is found which VoIPBIN lists later than the overlap.
 */
export async function runPass(options: PassOptions): Promise<PassResult> {
  const report = new BackfillReport();
  const problems: PassProblem[] = [];
  let finished = true;
  for (const resource of RESOURCES) {
    try {
      finished = (await readList(resource, options, report)) && finished;
    } catch (error) {
      finished = false;
      if (!options.signal.aborted) {
        problems.push(problemOf(resource, error));
        await dropRefusedCursor(options, resource, error);
      }
    }
    if (options.signal.aborted) {
      return { report, finished: false, problems };
    }
  }
  if (finished) {
    options.progress.looked_at = options.now();
  }
  return { report, finished, problems };
}

/**
 * Reads one list: first the rest of an earlier pass, then from the newest.
 * @returns whether it reached the end; false when it reached a limit first. The rest of an earlier pass is enough when
 *   that began within the overlap: a list whose overlap alone reaches the limits would never finish otherwise.
 */
async function readList(resource: Resource, options: PassOptions, report: BackfillReport): Promise<boolean> {
  const { limits, now, signal } = options;
  const list = options.progress.resources[resource];
  const deadline = now().getTime() + limits.maxMs;
  const before = report.total;
  let cursor = validCursor(list, options);
  let isFresh = cursor === null;
  let isRecent = false;
  for (let pages = 0; ; pages += 1) {
    if (pages > 0) {
      const isAtLimit =
        pages >= limits.maxPages || report.total - before >= limits.maxEvents || now().getTime() >= deadline;
      if (isAtLimit || signal.aborted) {
        return isRecent;
      }
      await delay(limits.pagePauseMs, undefined, { signal });
    }
    const from: Omit<Cursor, 'token'> & { token: string | null } = cursor ?? {
      began_at: now(),
      until: new Date(lookBackTo(list, limits.overlapMs, limits.longestGapMs, now())),
      token: null,
      newest: null,
      oldest_open: null,
    };
    const request = {
      resource,
      token: from.token,
      until: from.until.getTime(),
      settledBefore: now().getTime() - limits.settleMs,
    };
    const page = await readListedPage(options.client, request, signal);
    await ingestPage(page.events, options, report);
    cursor = advance(list, from, page, options);
    await options.save();
    if (cursor === null) {
      if (isFresh) {
        return true;
      }
      // The rest of the earlier pass is done. What was added since is at the top.
      isFresh = true;
      isRecent = now().getTime() - from.began_at.getTime() < limits.overlapMs;
    }
  }
}

/** The cursor that an earlier pass left, unless it is too old. */
function validCursor(list: ListProgress, { limits, now }: PassOptions): Cursor | null {
  const ageMs = list.sweep === null ? 0 : now().getTime() - list.sweep.began_at.getTime();
  if (ageMs < 0 || ageMs > limits.cursorMaxAgeMs) {
    list.sweep = null;
  }
  return list.sweep;
}

/** Moves the cursor past a page. @returns null at the end of the list, where the mark moves instead. */
function advance(
  list: ListProgress,
  from: Omit<Cursor, 'token'>,
  page: ListedPage,
  { limits, now }: PassOptions,
): Cursor | null {
  const newest = dateOf(later(from.newest?.getTime() ?? null, page.newest));
  const oldestOpen = dateOf(earlier(from.oldest_open?.getTime() ?? null, page.oldestOpen));
  if (page.nextToken !== null) {
    list.sweep = { began_at: from.began_at, until: from.until, token: page.nextToken, newest, oldest_open: oldestOpen };
    return list.sweep;
  }
  list.sweep = null;
  if (newest !== null) {
    const heldBackAt =
      oldestOpen !== null && now().getTime() - oldestOpen.getTime() <= limits.openForMs
        ? oldestOpen.getTime()
        : Number.POSITIVE_INFINITY;
    // A time of VoIPBIN's in our future would hide everything until then.
    list.mark = new Date(Math.min(newest.getTime(), heldBackAt, now().getTime()));
  }
  return null;
}

function dateOf(at: number | null): Date | null {
  return at === null ? null : new Date(at);
}

async function ingestPage(
  events: readonly ResourceEvent[],
  { ingest, limits, now, signal }: PassOptions,
  report: BackfillReport,
): Promise<void> {
  for (let at = 0; at < events.length; at += limits.batchSize) {
    signal.throwIfAborted();
    await Promise.all(
      events.slice(at, at + limits.batchSize).map(async ({ type, body, occurredAt }) => {
        const { outcome } = await ingest.take(TrustedBody.fromBackfill(body, now()));
        if (outcome === 'duplicate') {
          report.duplicates += 1;
        } else if (outcome === 'invalid') {
          report.invalid += 1;
        } else {
          report.recovered(type, outcome, occurredAt);
        }
      }),
    );
    await yieldToEventLoop();
  }
}

/** Drops a cursor whose token VoIPBIN refuses; else the list would never be read again. */
async function dropRefusedCursor({ progress, save }: PassOptions, resource: Resource, error: unknown): Promise<void> {
  if (error instanceof ActionError && error.errorClass === 'permanent' && progress.resources[resource].sweep !== null) {
    progress.resources[resource].sweep = null;
    await save().catch(() => undefined);
  }
}

/** Describes a failure for operators. */
export function problemOf(resource: Resource, error: unknown): PassProblem {
  if (error instanceof ActionError) {
    const { code, remedy, retryAfterMs } = error.detail;
    return { resource, code, message: error.message, remedy: remedy ?? null, retryAfterMs: retryAfterMs ?? null };
  }
  if (error instanceof InboxUnavailable) {
    return { resource, code: error.code, message: error.message, remedy: null, retryAfterMs: null };
  }
  const code =
    typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
      ? error.code
      : 'unexpected';
  const message =
    code === 'unexpected'
      ? 'it failed unexpectedly: please report this'
      : `the data folder cannot be written (${code})`;
  return { resource, code, message, remedy: null, retryAfterMs: null };
}
