import { ApplicationFailure } from '@temporalio/activity';
import type { ActionError } from '../src/connectors/action-error';
import type { ActionLog } from '../src/connectors/action-log';
import type { JsonValue } from '../src/events/json';
import type { Plan, PlannedRule, PlannedStep } from '../src/rules/plan';
import type { AttemptedEvent, BatchAttemptInput, BatchAttemptResult } from '../src/runs/batch-contract';
import type { EarlierAttempts, EarlierRule, FailedAttempt } from '../src/runs/run-contract';
import type { Attempt, AttemptHost } from './attempt';
import type { AttemptSlots } from './attempt-slots';
import { BatchTime } from './batch-time';

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

/** What the attempts of all batches of a worker need. */
export interface BatchTools {
  /** By the action's full name. */
  attempts: ReadonlyMap<string, Attempt>;
  slots: AttemptSlots;
  log: ActionLog;
  /** See {@link BatchTime}. Milliseconds. */
  stragglersWithinMs: number;
}

/** What a batch's attempt needs of its activity. */
export interface BatchHost extends Pick<AttemptHost, 'attempt' | 'heartbeatDetails' | 'signal'> {
  heartbeat(details: BatchAttemptResult): void;
  /** Time from the first scheduling of the activity until this attempt was scheduled, by Temporal's clock. */
  delayedMs: number;
}

/** Makes the attempt of a batch. See `createBatchActivity` for what it guarantees. */
export async function attemptBatch(
  tools: BatchTools,
  input: BatchAttemptInput,
  host: BatchHost,
): Promise<BatchAttemptResult> {
  const batch = new BatchAttempt(tools, input, host);
  const timer = setInterval(() => batch.heartbeat(), HEARTBEAT_EVERY_MS);
  timer.unref();
  try {
    await batch.run();
  } finally {
    clearInterval(timer);
  }
  if (host.signal.aborted && !batch.isComplete()) {
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
  readonly #time: BatchTime;

  constructor(
    private readonly tools: BatchTools,
    private readonly input: BatchAttemptInput,
    private readonly host: BatchHost,
  ) {
    this.#ended = { ...parseBatchHeartbeat(host.heartbeatDetails)?.events };
    this.#bytes = sizeOf(this.#ended);
    this.#time = new BatchTime(tools.slots, tools.stragglersWithinMs, host.signal);
  }

  isComplete(): boolean {
    return Object.keys(this.#ended).length >= this.input.events.length;
  }

  result(): BatchAttemptResult {
    return { events: this.#ended };
  }

  heartbeat(): void {
    this.host.heartbeat(this.result());
  }

  async run(): Promise<void> {
    await Promise.all(
      this.input.events.map(async (_event, position) => {
        if (this.#ended[position] === undefined) {
          const ended = await this.#attemptEvent(position);
          // An event that was cut off because the worker stops is attempted by the next one.
          if (ended !== null && (ended.end === 'over' || !this.host.signal.aborted)) {
            this.#keep(position, ended);
            this.#time.eventsEnded(Object.keys(this.#ended).length, this.input.events.length);
          }
        }
      }),
    );
    this.#time.end();
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
      this.tools.log.warn(
        { event_id, error: name },
        'an event could not be attempted in its batch; it gets its own run',
      );
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
    const attempt = this.tools.attempts.get(step.action);
    if (
      batched === undefined ||
      attempt === undefined ||
      !this.#isInTime(step, batched.age_ms) ||
      !(await this.#time.begin())
    ) {
      return { end: 'left', attempts: null };
    }
    const { event } = batched;
    const ended = await this.#time.attempt(step.attempt_timeout_ms, (signal) =>
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
      const began = ended.result.outcome === 'done' || rule.shadow === true ? { began_at: input.began_at } : {};
      return { end: 'done', result: { step: step.id, action: step.action, ...ended.result, ...began } };
    }
    const { error, attempts, saved } = ended;
    const left = { began_at: input.began_at, attempts, saved };
    // The own run finds out itself that a connection is parked, and joins its queue.
    return { end: 'left', attempts: error.errorClass === 'credential' ? left : { ...left, failed: failedOf(error) } };
  }

  /** Whether a budget that counts from the event is not over yet. */
  #isInTime({ retry }: PlannedStep, ageMs: number): boolean {
    const passedMs = ageMs + this.host.delayedMs + this.#time.elapsedMs();
    return retry.from !== 'event' || passedMs < retry.for_ms - MIN_BUDGET_MS;
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
