import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { ApiError, wrongRequest } from '../admin/api';
import { LaterRunsReader } from '../dispatch/later-runs';
import { RunLogReader } from '../dispatch/run-log';
import { parseBody } from '../events/envelope';
import { isObject } from '../events/payload';
import { toJsonText } from '../events/exact-number';
import { eventsNamed } from '../inbox/archive/events-named';
import { InboxReader } from '../inbox/archive/reader';
import type { Inbox } from '../inbox/inbox';
import type { Ingest } from '../ingest/ingest';
import { TrustedBody } from '../ingest/trusted-body';
import type { RuleSet } from '../rules/rule-set';
import {
  rerunRequest,
  retryRequest,
  type Job,
  type JobPlan,
  type JobProgress,
  type JobState,
  type RerunRequest,
  type RetryRequest,
} from './job';
import { forget, type Forgotten } from './forget';
import { planRerun, planRetry, type PlannedJob, type UnitOf } from './plan-job';
import { OperationsStore, type AuditEntry, type StoredJob } from './store';
import type { Records } from './event-history';

/** A plan that nobody confirmed by then is out of date. */
const CONFIRM_WITHIN_MS = 3_600_000;
/** Ids of a plan's events that an answer has. */
const MOST_UNKNOWN_NAMED = 5;

/** What {@link Operations} needs. */
export interface OperationsOptions {
  dataDir: string;
  /** The rules in force. */
  ruleSet: () => Pick<RuleSet, 'plan'>;
  unitOf: UnitOf;
  /** Jobs that are older are deleted. Milliseconds. */
  forgetAfterMs: number;
  /** Country of numbers that are written without a country code; null when the settings name none. */
  country: string | null;
  inbox: Pick<Inbox, 'forget' | 'release'>;
  /** Takes a body from the quarantine into the inbox, if it is an event. */
  ingest: Pick<Ingest, 'take'>;
  /** Removes results that the workers of this machine remember, by action key. */
  forgetResults: (keys: readonly string[]) => void;
}

/** What is left of the jobs that run. */
export interface JobsLeft {
  jobs: number;
  /** Their events whose run has not ended. */
  events: number;
}

/** A request for a job. */
interface AskedFor {
  kind: 'retry' | 'rerun';
  request: RetryRequest | RerunRequest;
  who: string;
  dryRun: boolean;
}

/**
 * What an operator can do to events and jobs: plan first, then confirm, with an entry in the audit log. It runs in the
 * receiver's process; the dispatcher's process does the jobs.
 *
 * Guarantees: a plan changes nothing. A confirmed job has exactly the events that its plan counted.
 */
export class Operations {
  readonly #store: OperationsStore;
  readonly #inbox: InboxReader;
  readonly #runLog: RunLogReader;
  readonly #laterRuns: LaterRunsReader;

  constructor(private readonly options: OperationsOptions) {
    const { dataDir } = options;
    this.#store = new OperationsStore(dataDir);
    this.#store.prune(new Date(Date.now() - options.forgetAfterMs));
    this.#inbox = InboxReader.open(dataDir);
    this.#runLog = new RunLogReader(dataDir);
    this.#laterRuns = new LaterRunsReader(dataDir);
  }

  /**
   * Plans to do the failed steps of events again. The plan is a job that waits for {@link confirm}, or is not kept, and
   * has no id, with `dryRun` or when there is nothing to do.
   * @throws ApiError for a wrong request.
   */
  async planRetry(input: unknown, who: string, dryRun = false): Promise<Job> {
    const request = parsed(retryRequest, input);
    expectNarrow(request);
    const planned = await planRetry(this.#records(), request, this.options.unitOf, new Date());
    return this.#keep({ kind: 'retry', request, who, dryRun }, planned);
  }

  /** Plans to match events against the rules in force, and to do what has not been done. As {@link planRetry}. */
  async planRerun(input: unknown, who: string, dryRun = false): Promise<Job> {
    const request = parsed(rerunRequest, input);
    expectNarrow(request);
    if (request.again && request.events?.length !== 1) {
      throw new ApiError(
        400,
        'name_one_event',
        '--again does everything a second time: name the one event that it is for',
      );
    }
    const { unitOf, ruleSet } = this.options;
    const planned = await planRerun(this.#records(), request, ruleSet(), unitOf, new Date());
    return this.#keep({ kind: 'rerun', request, who, dryRun }, planned);
  }

  /**
   * Takes a request out of the quarantine, as the event that it is by now, or that the operator says it is.
   * @param input `as`: the type of a body that names none, or another one than it names.
   * @throws ApiError when it is unknown, or still no event.
   */
  async accept(id: string, input: unknown, who: string): Promise<{ event_id: string; outcome: string }> {
    const { as } = parsed(acceptRequest, input ?? {});
    const quarantined = this.#inbox.getQuarantined(id);
    if (quarantined === null) {
      throw new ApiError(404, 'unknown_request', `there is no request ${id} in quarantine`);
    }
    const { body, content_type, received_at } = quarantined;
    const bytes = as === undefined ? body : withType(body, as);
    const taken = await this.options.ingest.take(
      TrustedBody.fromQuarantine(bytes, content_type, new Date(received_at)),
      () => false,
    );
    if (taken.outcome === 'invalid') {
      throw new ApiError(
        409,
        'not_an_event',
        `it is still no event: ${taken.invalid.message}. With --as TYPE it is taken for one of that type, if its body is a JSON object`,
      );
    }
    const { event, outcome } = taken;
    this.#store.recordOperation(who, 'events.accept', { quarantined: id, event_id: event.event_id, as: as ?? null }, 1);
    // Last: a second acceptance finds a duplicate.
    await this.options.inbox.release(id);
    return { event_id: event.event_id, outcome };
  }

  /** Removes personal data; see {@link forget}. @throws ApiError for a number that is none. */
  async forget(input: unknown, who: string, dryRun: boolean): Promise<Forgotten> {
    const { dataDir, country, inbox, forgetResults } = this.options;
    const records = { ...this.#records(), inbox: this.#inbox };
    const result = await forget({ dataDir, country, records, inbox, forgetResults }, input, dryRun);
    if (!dryRun) {
      // Without the number: the audit log must not keep what was to be forgotten.
      const by = typeof input === 'object' && input !== null && 'number' in input ? 'number' : 'age';
      this.#store.recordOperation(who, 'forget', { by, ...result }, result.events + result.quarantined);
    }
    return result;
  }

  /** Starts a planned job. @throws ApiError when it is unknown, or no longer waits for that. */
  confirm(id: string, who: string): Job {
    const job = this.job(id);
    if (job.state === 'expired') {
      throw new ApiError(409, 'plan_expired', `the plan ${id} is more than an hour old: make a new one`);
    }
    if (job.state !== 'planned' || !this.#store.confirm(id, who)) {
      throw new ApiError(409, 'not_planned', `job ${id} is ${job.state}: it cannot be started`);
    }
    return this.job(id);
  }

  /** Stops a job from starting more runs. @throws ApiError. */
  cancel(id: string, who: string): Job {
    const job = this.job(id);
    if (job.state === 'done' || !this.#store.cancel(id, who)) {
      throw new ApiError(409, 'not_running', `job ${id} is ${job.state}: there is nothing to cancel`);
    }
    return this.job(id);
  }

  /** @throws ApiError when it is unknown. */
  job(id: string): Job {
    const stored = this.#store.job(id);
    if (stored === null) {
      throw new ApiError(404, 'unknown_job', `there is no job ${id}; bridge jobs list shows the latest`);
    }
    return this.#asJob(stored);
  }

  /** The newest first. */
  jobs(limit: number): Job[] {
    return this.#store.jobs(limit).map((stored) => this.#asJob(stored));
  }

  /** What is left of the jobs that run. Quick: one count for each job of the last weeks. */
  jobsLeft(): JobsLeft {
    const left = { jobs: 0, events: 0 };
    for (const job of this.#store.confirmedJobs()) {
      const progress = this.#progressOf(job);
      const events = progress.total - finishedIn(progress);
      left.jobs += events > 0 ? 1 : 0;
      left.events += Math.max(0, events);
    }
    return left;
  }

  /** The newest entries first. */
  audit(options: { limit: number; since?: Date }): AuditEntry[] {
    return this.#store.audit(options);
  }

  /** Adds an entry to the audit log. @param detail without personal data. */
  record(who: string, operation: string, detail: object, count: number | null): void {
    this.#store.recordOperation(who, operation, detail, count);
  }

  close(): void {
    this.#inbox.close();
    this.#runLog.close();
    this.#laterRuns.close();
    this.#store.close();
  }

  #records(): Records {
    return { inbox: this.#inbox, runLog: this.#runLog, laterRuns: this.#laterRuns, jobs: this.#store };
  }

  #keep(asked: AskedFor, { plan, items, unknown }: PlannedJob): Job {
    const { kind, request, who, dryRun } = asked;
    if (unknown.length > 0 && request.events !== undefined) {
      const named = unknown.slice(0, MOST_UNKNOWN_NAMED).join(', ');
      const more = unknown.length > MOST_UNKNOWN_NAMED ? ', ...' : '';
      const meant = unknown.slice(0, MOST_UNKNOWN_NAMED).flatMap((id) => eventsNamed(this.#inbox, id));
      const hint = meant.length === 0 ? '' : `; did you mean ${meant.slice(0, MOST_UNKNOWN_NAMED).join(', ')}?`;
      throw new ApiError(404, 'unknown_event', `this data folder has no event ${named}${more}${hint}`);
    }
    // Nobody can confirm a job of nothing.
    const isKept = !dryRun && items.length > 0;
    const id = !isKept ? '' : `${kind}-${new Date().toISOString().slice(0, 10)}-${randomBytes(4).toString('hex')}`;
    const job = { id, kind, who, request: JSON.stringify(request), plan: JSON.stringify(plan) };
    if (isKept) {
      this.#store.addJob(job, items);
    }
    return this.#asJob({
      ...job,
      created_at: new Date(),
      confirmed_at: null,
      cancelled_at: null,
      total: items.length,
    });
  }

  #asJob(stored: StoredJob): Job {
    const plan = JSON.parse(stored.plan) as JobPlan;
    const progress = this.#progressOf(stored);
    return {
      id: stored.id,
      kind: stored.kind,
      state: stateOf(stored, progress),
      who: stored.who,
      created_at: stored.created_at.toISOString(),
      confirmed_at: stored.confirmed_at?.toISOString() ?? null,
      cancelled_at: stored.cancelled_at?.toISOString() ?? null,
      request: JSON.parse(stored.request) as RetryRequest | RerunRequest,
      plan,
      progress,
    };
  }

  #progressOf({ id, total }: StoredJob): JobProgress {
    const { open = 0, ...ended } = this.#laterRuns.outcomes(id);
    return { total, under_way: open, ended };
  }
}

function stateOf({ confirmed_at, cancelled_at, created_at }: StoredJob, progress: JobProgress): JobState {
  if (cancelled_at !== null) {
    return 'cancelled';
  }
  if (confirmed_at === null) {
    return created_at.getTime() + CONFIRM_WITHIN_MS < Date.now() ? 'expired' : 'planned';
  }
  return finishedIn(progress) >= progress.total ? 'done' : 'running';
}

/** Runs of a job that have ended. */
function finishedIn({ ended }: JobProgress): number {
  return Object.values(ended).reduce((sum, runs) => sum + runs, 0);
}

const acceptRequest = z.strictObject({ as: z.string().min(1).max(100).optional() });

/** A body with another type: an envelope with its type replaced, or a JSON object that becomes the data of one. */
function withType(body: Buffer, type: string): Buffer {
  const read = parseBody(body);
  if (!read.ok) {
    throw new ApiError(409, read.reason, `it cannot be taken for an event: ${read.message}`);
  }
  const { value } = read;
  if (!isObject(value)) {
    throw new ApiError(409, 'not_an_object', 'its body is not a JSON object, so it cannot be taken for an event');
  }
  const { data } = value;
  return Buffer.from(toJsonText({ type, data: isObject(data) ? data : value }));
}

/** @throws ApiError when steps that may have happened would be done for whatever events there are. */
function expectNarrow({ ambiguous, events, rule, since }: RetryRequest | RerunRequest): void {
  if (ambiguous.length > 0 && events === undefined && (rule === undefined || since === undefined)) {
    throw new ApiError(
      400,
      'name_the_events',
      '--ambiguous needs the events, or --rule and --since: such steps may have happened, so look at the provider first, and choose those that did not',
    );
  }
}

/** @throws ApiError that names every wrong member. */
function parsed<Request>(
  schema: {
    safeParse(
      input: unknown,
    ):
      | { success: true; data: Request }
      | { success: false; error: { issues: readonly { path: PropertyKey[]; message: string }[] } };
  },
  input: unknown,
): Request {
  const result = schema.safeParse(input);
  if (!result.success) {
    throw wrongRequest(result.error.issues);
  }
  return result.data;
}
