import { setImmediate as breathe, setTimeout as delay } from 'node:timers/promises';
import { ActionError } from '../connectors/action-error';
import { InboxUnavailable } from '../inbox/inbox-unavailable';
import type { Ingest } from '../ingest/ingest';
import { TrustedBody } from '../ingest/trusted-body';
import { earlier, later, readListedPage, type ListedPage, type VoipbinLists } from './listed-page';
import { lookBackTo, type Progress, type ResourceProgress, type Sweep } from './progress';
import { BackfillReport } from './report';
import { RESOURCES, type Resource, type ResourceEvent } from './resource-event';

/** Bounds of one pass, and how carefully it looks. */
export interface PassLimits {
  /** It looks this far back at most. Milliseconds. */
  longestGapMs: number;
  /** It looks this far below what was seen before: VoIPBIN's lists lag behind, and its clocks differ. Milliseconds. */
  overlapMs: number;
  /** What happened within this time may still come by webhook, and is left for the next pass. Milliseconds. */
  settleMs: number;
  /** A call that goes on for longer than this is no longer waited for. Milliseconds. */
  openForMs: number;
  /** A look that was interrupted longer ago than this is begun anew. Milliseconds. */
  sweepForMs: number;
  /** Pages of one list. */
  pages: number;
  /** Events of one list that were missed. */
  events: number;
  /** Time for one list. Milliseconds. */
  forMs: number;
  /** Pause between two pages, so that others on the same account get their turn. Milliseconds. */
  pagePauseMs: number;
  /** Events that are put into the inbox together; between two batches webhooks get their turn. */
  batch: number;
}

/**
 * The limits that suit VoIPBIN (16.7 requests a second to the whole account; a call is hung up by VoIPBIN itself long
 * before `openForMs`).
 */
export const PASS_LIMITS: Omit<PassLimits, 'longestGapMs'> = {
  overlapMs: 600_000,
  settleMs: 60_000,
  openForMs: 4 * 3_600_000,
  sweepForMs: 3_600_000,
  pages: 50,
  events: 2_000,
  forMs: 60_000,
  pagePauseMs: 200,
  batch: 20,
};

/** Why a pass could not go on with a list. No personal data. */
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
  /** Changed in place as the pass gets on. */
  progress: Progress;
  /** Keeps the progress; called after every page, when all its events are in the inbox. */
  save: () => Promise<void>;
  limits: PassLimits;
  now: () => Date;
  signal: AbortSignal;
}

/** How a pass ended. */
export interface PassResult {
  report: BackfillReport;
  /**
   * Every list was looked through to where it had been looked at before. False also after a problem, and when it was
   * stopped.
   */
  finished: boolean;
  problems: PassProblem[];
}

/**
 * Looks through VoIPBIN's lists once, newest first, down to where they were looked through before, and takes every
 * event that they show through the door.
 *
 * Guarantees
 * - The mark of a list moves only over resources whose events are in the inbox; a pass that is killed, stopped, refused
 *   or at its bounds loses nothing, and the next one goes on where it was.
 * - One list that fails keeps no other from being looked at.
 * - Bounded in pages, events and time; it holds one page in memory. It throws nothing.
 *
 * Not guaranteed: the order of events; that a resource is found whose creation VoIPBIN lists later than the overlap.
 */
export async function runPass(options: PassOptions): Promise<PassResult> {
  const report = new BackfillReport();
  const problems: PassProblem[] = [];
  let finished = true;
  for (const resource of RESOURCES) {
    try {
      finished = (await lookThrough(resource, options, report)) && finished;
    } catch (error) {
      finished = false;
      if (!options.signal.aborted) {
        problems.push(problemOf(resource, error));
        await forgetRefusedToken(options, resource, error);
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
 * Looks through one list: first what an earlier look left, then from the newest.
 * @returns whether it came to the end; false when a bound was met before. What an earlier look left is enough when that
 *   is no longer ago than the overlap, or a list whose overlap alone meets the bounds would never be through.
 */
async function lookThrough(resource: Resource, options: PassOptions, report: BackfillReport): Promise<boolean> {
  const { limits, now, signal } = options;
  const of = options.progress.resources[resource];
  const mustEndAt = now().getTime() + limits.forMs;
  const before = report.total;
  let sweep = leftOver(of, options);
  let isFresh = sweep === null;
  let isRecent = false;
  for (let pages = 0; ; pages += 1) {
    if (pages > 0) {
      const isSpent = pages >= limits.pages || report.total - before >= limits.events || now().getTime() >= mustEndAt;
      if (isSpent || signal.aborted) {
        return isRecent;
      }
      await delay(limits.pagePauseMs, undefined, { signal });
    }
    const begun: Omit<Sweep, 'token'> & { token: string | null } = sweep ?? {
      began_at: now(),
      until: new Date(lookBackTo(of, limits.overlapMs, limits.longestGapMs, now())),
      token: null,
      newest: null,
      oldest_open: null,
    };
    const wanted = {
      resource,
      token: begun.token,
      until: begun.until.getTime(),
      settledBefore: now().getTime() - limits.settleMs,
    };
    const page = await readListedPage(options.client, wanted, signal);
    await takeAll(page.events, options, report);
    sweep = advance(of, begun, page, options);
    await options.save();
    if (sweep === null) {
      if (isFresh) {
        return true;
      }
      // What was left is done; what came since begins at the top.
      isFresh = true;
      isRecent = now().getTime() - begun.began_at.getTime() < limits.overlapMs;
    }
  }
}

/** The look that an earlier pass left unfinished, unless it is too old to go on with. */
function leftOver(of: ResourceProgress, { limits, now }: PassOptions): Sweep | null {
  const age = of.sweep === null ? 0 : now().getTime() - of.sweep.began_at.getTime();
  if (age < 0 || age > limits.sweepForMs) {
    of.sweep = null;
  }
  return of.sweep;
}

/**
 * Notes a page as looked at. @returns the look as it goes on, or null when it has come to its end and the mark was
 * moved.
 */
function advance(
  of: ResourceProgress,
  begun: Omit<Sweep, 'token'>,
  page: ListedPage,
  { limits, now }: PassOptions,
): Sweep | null {
  const newest = dateOf(later(begun.newest?.getTime() ?? null, page.newest));
  const oldestOpen = dateOf(earlier(begun.oldest_open?.getTime() ?? null, page.oldestOpen));
  if (page.nextToken !== null) {
    of.sweep = { began_at: begun.began_at, until: begun.until, token: page.nextToken, newest, oldest_open: oldestOpen };
    return of.sweep;
  }
  of.sweep = null;
  if (newest !== null) {
    const waitsFor =
      oldestOpen !== null && now().getTime() - oldestOpen.getTime() <= limits.openForMs
        ? oldestOpen.getTime()
        : Number.POSITIVE_INFINITY;
    // A time of VoIPBIN's that lies in our future would hide all that is yet to come.
    of.mark = new Date(Math.min(newest.getTime(), waitsFor, now().getTime()));
  }
  return null;
}

function dateOf(at: number | null): Date | null {
  return at === null ? null : new Date(at);
}

async function takeAll(
  events: readonly ResourceEvent[],
  { ingest, limits, now, signal }: PassOptions,
  report: BackfillReport,
): Promise<void> {
  for (let at = 0; at < events.length; at += limits.batch) {
    signal.throwIfAborted();
    await Promise.all(
      events.slice(at, at + limits.batch).map(async ({ type, body, occurredAt }) => {
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
    await breathe();
  }
}

/** A token that VoIPBIN no longer takes must not keep the list from being looked at for good. */
async function forgetRefusedToken({ progress, save }: PassOptions, resource: Resource, error: unknown): Promise<void> {
  if (error instanceof ActionError && error.errorClass === 'permanent' && progress.resources[resource].sweep !== null) {
    progress.resources[resource].sweep = null;
    await save().catch(() => undefined);
  }
}

/** What went wrong, for people. */
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
      ? 'it failed in an unexpected way: please report this'
      : `the data folder cannot be written (${code})`;
  return { resource, code, message, remedy: null, retryAfterMs: null };
}
