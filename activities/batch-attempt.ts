import { ApplicationFailure, Context } from '@temporalio/activity';
import type { ActionError } from '../src/connectors/action-error';
import type { ActionLog } from '../src/connectors/action-log';
import type { JsonValue } from '../src/events/json';
import type { Plan, PlannedRule, PlannedStep } from '../src/rules/plan';
import type { AttemptedEvent, BatchAttemptInput, BatchAttemptResult } from '../src/runs/batch-contract';
import type { EarlierAttempts, EarlierRule, FailedAttempt } from '../src/runs/run-contract';
import type { Attempt, AttemptEnd, AttemptHost } from './attempt';

/** The longest attempt of a step, as of the local attempts in `workflows/run-step.ts`. */
const STEP_WITHIN_MS = 10_000;
/** No step begins later than this after the batch: all have ended after twice the time. */
const BEGIN_WITHIN_MS = 10_000;
/** Temporal's SDK passes on the first one at once, and the latest of the others every twelve seconds. */
const HEARTBEAT_EVERY_MS = 2_000;
/** Temporal refuses results and heartbeats over 2 MiB, and warns from 512 KiB on. */
const MAX_RESULT_BYTES = 900 * 1024;
/** As in `workflows/run-step.ts`: with less time left, a step is too late. */
const MIN_BUDGET_MS = 1_000;

const CUT_OFF: FailedAttempt = {
  class: 'transient',
  code: 'timeout',
  message: 'the step did not finish in time',
  remedy: null,
  retry_after_ms: null,
};

/** What a batch's attempt needs of its activity. */
export interface BatchHost extends Pick<AttemptHost, 'attempt' | 'heartbeatDetails' | 'signal'> {
  heartbeat(details: BatchAttemptResult): void;
  /** Time from the first scheduling of the activity until this attempt was scheduled, by Temporal's clock. */
  delayedMs: number;
}

/**
 * Makes the activity `batch.attempt`: the first attempts of all steps of a batch's events. Events and rules run side by
 * side, the steps of a rule in order. Each attempt is made as the activity of its action would make it, under the same
 * action key.
 *
 * Guarantees: it ends within 20 seconds. One event's failure, of whatever kind, does not affect the others. When a worker
 * ends in the middle, the next one takes from the heartbeats which events have ended; the steps of the others are
 * attempted again, as second attempts. What did not end well is reported for the event's own run, with what was done.
 *
 * Not guaranteed: results over 900 KiB together. An event whose results do not fit any more is reported as attempted, and
 * its own run repeats its steps under the same keys.
 *
 * @throws ApplicationFailure when the worker stops, for Temporal to give the batch to another one.
 */
export function createBatchActivity(
  attempts: ReadonlyMap<string, Attempt>,
  log: ActionLog,
): (input: BatchAttemptInput) => Promise<BatchAttemptResult> {
  return async (input) => {
    const context = Context.current();
    const { attempt, heartbeatDetails, scheduledTimestampMs, currentAttemptScheduledTimestampMs } = context.info;
    return attemptBatch(attempts, log, input, {
      attempt,
      heartbeatDetails,
      heartbeat: (details) => context.heartbeat(details),
      signal: context.cancellationSignal,
      delayedMs: currentAttemptScheduledTimestampMs - scheduledTimestampMs,
    });
  };
}

/** See {@link createBatchActivity}. */
export async function attemptBatch(
  attempts: ReadonlyMap<string, Attempt>,
  log: ActionLog,
  input: BatchAttemptInput,
  host: BatchHost,
): Promise<BatchAttemptResult> {
  const batch = new BatchAttempt(attempts, log, input, host);
  const timer = setInterval(() => batch.heartbeat(), HEARTBEAT_EVERY_MS);
  timer.unref();
  try {
    await batch.run();
  } finally {
    clearInterval(timer);
  }
  if (host.signal.aborted) {
    batch.heartbeat();
    throw ApplicationFailure.create({
      type: 'WorkerStopped',
      message: 'the worker stopped in the middle of the batch',
    });
  }
  return batch.result();
}

/** How an attempt of a step in a batch ended. `left`: its event's own run goes on with it. */
type StepEnd =
  | { end: 'done'; result: EarlierRule['steps'][string] & { outcome: 'done' | 'skipped' } }
  | { end: 'left'; attempts: EarlierAttempts | null };

class BatchAttempt {
  readonly #ended: Record<number, AttemptedEvent>;
  #bytes: number;
  readonly #startedAt = performance.now();
  readonly #underWay = new Set<AbortController>();

  constructor(
    private readonly attempts: ReadonlyMap<string, Attempt>,
    private readonly log: ActionLog,
    private readonly input: BatchAttemptInput,
    private readonly host: BatchHost,
  ) {
    this.#ended = { ...parseBatchHeartbeat(host.heartbeatDetails)?.events };
    this.#bytes = sizeOf(this.#ended);
  }

  result(): BatchAttemptResult {
    return { events: this.#ended };
  }

  heartbeat(): void {
    this.host.heartbeat(this.result());
  }

  async run(): Promise<void> {
    const abortAll = (): void => this.#underWay.forEach((controller) => controller.abort());
    this.host.signal.addEventListener('abort', abortAll, { once: true });
    await Promise.all(
      this.input.events.map(async (_event, position) => {
        if (this.#ended[position] === undefined) {
          const ended = await this.#attemptEvent(position);
          // An event that was cut off because the worker stops is attempted by the next one.
          if (ended !== null && (ended.end === 'over' || !this.host.signal.aborted)) {
            this.#keep(position, ended);
          }
        }
      }),
    );
  }

  #keep(position: number, ended: AttemptedEvent): void {
    const bytes = sizeOf(ended);
    const fits = this.#bytes + bytes <= MAX_RESULT_BYTES;
    const kept = fits ? ended : this.#attemptedOnly(position);
    this.#bytes += fits ? bytes : sizeOf(kept);
    this.#ended[position] = kept;
  }

  async #attemptEvent(position: number): Promise<AttemptedEvent | null> {
    const plan = this.#planOf(position);
    if (plan === undefined) {
      return null;
    }
    try {
      const rules = await Promise.all(
        plan.rules.map(async (rule) => [rule.name, await this.#attemptRule(position, rule)] as const),
      );
      return {
        end: rules.every(([, { isOver }]) => isOver) ? 'over' : 'own_run',
        rules: Object.fromEntries(rules.map(([name, { earlier }]) => [name, earlier])),
      };
    } catch (error) {
      // A bug of the bridge: its message may contain personal data. The event's own run shows it.
      const name = error instanceof Error ? error.name : typeof error;
      const event_id = this.input.events[position]?.event.event_id;
      this.log.warn({ event_id, error: name }, 'an event could not be attempted in its batch; it gets its own run');
      return this.#attemptedOnly(position);
    }
  }

  async #attemptRule(position: number, rule: PlannedRule): Promise<{ isOver: boolean; earlier: EarlierRule }> {
    const earlier: EarlierRule = { steps: {}, attempts: {}, passed: true };
    const results: Record<string, JsonValue> = {};
    for (const step of rule.steps) {
      const ended = await this.#attemptStep(position, rule, step, { ...results });
      if (ended.end === 'left') {
        if (ended.attempts !== null) {
          earlier.attempts[step.id] = ended.attempts;
        }
        return { isOver: false, earlier };
      }
      earlier.steps[step.id] = ended.result;
      if (ended.result.outcome === 'done') {
        results[step.id] = ended.result.result;
      }
    }
    return { isOver: true, earlier };
  }

  async #attemptStep(
    position: number,
    rule: PlannedRule,
    step: PlannedStep,
    steps: Record<string, JsonValue>,
  ): Promise<StepEnd> {
    const { input, host } = this;
    const batched = input.events[position];
    const attempt = this.attempts.get(step.action);
    if (batched === undefined || attempt === undefined || !this.#mayBegin(step, batched.age_ms)) {
      return { end: 'left', attempts: null };
    }
    const { event } = batched;
    const ended = await this.#bounded(Math.min(step.attempt_timeout_ms, STEP_WITHIN_MS), (signal) =>
      attempt(
        {
          event,
          rule: rule.name,
          timezone: rule.timezone,
          country: rule.country,
          ...(rule.names === undefined ? {} : { names: rule.names }),
          step,
          steps,
          ...(rule.shadow === undefined ? {} : { shadow: rule.shadow }),
          began_at: input.began_at,
          earlier_attempts: 0,
        },
        {
          run: event.event_id,
          attempt: host.attempt,
          heartbeatDetails: null,
          heartbeat: () => undefined,
          signal,
          mayQueue: false,
        },
      ),
    );
    if (ended === null) {
      return { end: 'left', attempts: { ...this.#attempted(), failed: CUT_OFF } };
    }
    if (ended.ok) {
      return { end: 'done', result: { step: step.id, action: step.action, ...ended.result } };
    }
    const { error, attempts, saved } = ended;
    const left = { began_at: input.began_at, attempts, saved };
    // The own run finds out itself that a connection is parked, and joins its queue.
    return { end: 'left', attempts: error.errorClass === 'credential' ? left : { ...left, failed: failedOf(error) } };
  }

  /** Makes an attempt within the time. @returns null when it did not end by then, or the activity must end. */
  async #bounded(timeoutMs: number, attempt: (signal: AbortSignal) => Promise<AttemptEnd>): Promise<AttemptEnd | null> {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), timeoutMs);
    const isOver = new Promise<null>((resolve) =>
      controller.signal.addEventListener('abort', () => resolve(null), { once: true }),
    );
    this.#underWay.add(controller);
    try {
      return await Promise.race([attempt(controller.signal), isOver]);
    } finally {
      clearTimeout(timer);
      this.#underWay.delete(controller);
    }
  }

  #mayBegin({ retry }: PlannedStep, ageMs: number): boolean {
    const elapsedMs = performance.now() - this.#startedAt;
    if (this.host.signal.aborted || elapsedMs > BEGIN_WITHIN_MS) {
      return false;
    }
    return retry.from !== 'event' || ageMs + this.host.delayedMs + elapsedMs < retry.for_ms - MIN_BUDGET_MS;
  }

  #planOf(position: number): Plan | undefined {
    return this.input.plans[this.input.events[position]?.plan ?? -1];
  }

  /** For an event of which only is known that its steps may have been attempted. */
  #attemptedOnly(position: number): AttemptedEvent {
    const rules = this.#planOf(position)?.rules ?? [];
    return {
      end: 'own_run',
      rules: Object.fromEntries(
        rules.map(({ name, steps }): [string, EarlierRule] => [
          name,
          {
            steps: {},
            attempts: Object.fromEntries(steps.map(({ id }) => [id, this.#attempted()])),
            passed: true,
          },
        ]),
      ),
    };
  }

  #attempted(): EarlierAttempts {
    return { began_at: this.input.began_at, attempts: this.host.attempt, saved: null };
  }
}

function failedOf({ errorClass, message, detail }: ActionError): FailedAttempt {
  return {
    class: errorClass,
    code: detail.code,
    message,
    remedy: detail.remedy ?? null,
    retry_after_ms: detail.retryAfterMs ?? null,
  };
}

function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** Reads what an earlier attempt of the activity left; null when it left nothing. The same version or another wrote it. */
export function parseBatchHeartbeat(details: unknown): BatchAttemptResult | null {
  if (typeof details !== 'object' || details === null) {
    return null;
  }
  const { events }: { events?: unknown } = details;
  // This activity alone writes the details: an object of events has this shape.
  return typeof events === 'object' && events !== null ? { events: events as BatchAttemptResult['events'] } : null;
}
