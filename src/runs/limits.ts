import { createHmac } from 'node:crypto';
import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import type { CanonicalEvent } from '../events/canonical-event';
import type { PlannedLimits } from '../rules/plan';
import type { TemporalCooldowns } from './cooldowns';
import { CLAIM_WITHIN_LIMIT, COUNT_LIMIT, TASK_QUEUE } from './names';
import type { CountLimitInput, LimitsInput, LimitsResult } from './run-contract';

type Max = NonNullable<PlannedLimits['max']>;

/** A count outlives its period a little: clocks differ, and in autumn a day gains an hour. */
const KEEP_MS = { minute: 120_000, hour: 2 * 3_600_000, day: 26 * 3_600_000 } as const;
/** The part of the local time that identifies the period: `2026-03-02`, `2026-03-02 09`, `2026-03-02 09:41`. */
const PERIOD_CHARS = { day: 10, hour: 13, minute: 16 } as const;

/**
 * A rule's limits, counted at Temporal: across restarts, workers and receivers.
 *
 * Guarantees: within a cooldown at most one event acts; in a calendar minute, hour or day (in the rule's time zone) at
 * most `count` events act. An event that claims again is not counted twice.
 *
 * Not guaranteed: that a rule which claimed did something. Its steps may fail afterwards; the claim still counts.
 */
export class TemporalLimits {
  /**
   * @param hashKey as for {@link TemporalCooldowns}.
   * @param valueOf reads the field that a limit is `per`; null when the event has none. Events without the field are
   *   counted together.
   */
  constructor(
    private readonly client: Client,
    private readonly cooldowns: TemporalCooldowns,
    private readonly hashKey: string,
    private readonly valueOf: (event: CanonicalEvent, field: string) => string | null,
    private readonly now: () => Date = () => new Date(),
  ) {}

  /**
   * Counts one event against the limits of a rule.
   * @throws what the client throws when Temporal does not answer; what `valueOf` throws, before anything is counted.
   */
  async claim({ event, rule, timezone, limits }: LimitsInput): Promise<LimitsResult> {
    const owner = `${event.event_id}/${rule}`;
    const subject = (per: string | null): string =>
      JSON.stringify([rule, per, per === null ? null : this.valueOf(event, per)]);
    const { cooldown, max } = limits;
    const cooldownKey = cooldown === null ? null : `rule ${subject(cooldown.per)}`;
    const counted = max === null ? null : { max, subject: subject(max.per) };
    if (
      cooldown !== null &&
      cooldownKey !== null &&
      (await this.cooldowns.claim(cooldownKey, cooldown.window_ms, owner)) === 'held'
    ) {
      return { within: false, reason: 'limit: within the cooldown' };
    }
    if (counted !== null && !(await this.#count(counted.max, counted.subject, timezone, owner))) {
      if (cooldownKey !== null) {
        await this.cooldowns.release(cooldownKey, owner);
      }
      return { within: false, reason: `limit: ${counted.max.count} per ${counted.max.every} reached` };
    }
    return { within: true };
  }

  #count(max: Max, subject: string, timezone: string, owner: string): Promise<boolean> {
    const input: CountLimitInput = { max: max.count, keep_ms: KEEP_MS[max.every], owners: [] };
    const start = new WithStartWorkflowOperation(COUNT_LIMIT, {
      workflowId: limitWorkflowId({ subject, hashKey: this.hashKey, every: max.every, at: this.now(), timezone }),
      taskQueue: TASK_QUEUE,
      args: [input],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: 'limit',
    });
    return this.client.workflow.executeUpdateWithStart<(input: CountLimitInput) => Promise<void>, boolean, [string]>(
      CLAIM_WITHIN_LIMIT,
      { args: [owner], startWorkflowOperation: start },
    );
  }
}

/**
 * Workflow id of the count of one subject in one period: `limit/<hash>/2026-03-02T09:41`. The period is the one that
 * contains `at` in the time zone. The id contains no part of the subject.
 */
export function limitWorkflowId(options: {
  subject: string;
  hashKey: string;
  every: Max['every'];
  at: Date;
  timezone: string;
}): string {
  const { subject, hashKey, every, at, timezone } = options;
  const hash = createHmac('sha256', hashKey).update(subject).digest('hex').slice(0, 32);
  return `limit/${hash}/${localTime(at, timezone).slice(0, PERIOD_CHARS[every]).replace(' ', 'T')}`;
}

/** `2026-03-02 09:41` in a time zone. By parts: how a locale orders them depends on the data that Node was built with. */
function localTime(at: Date, timezone: string): string {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  }).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.find((one) => one.type === type)?.value ?? '';
  return `${part('year')}-${part('month')}-${part('day')} ${part('hour')}:${part('minute')}`;
}
