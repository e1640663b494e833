import { createHmac } from 'node:crypto';
import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import type { CanonicalEvent } from '../events/canonical-event';
import type { PlannedLimits } from '../rules/plan';
import type { TemporalCooldowns } from './cooldowns';
import { CLAIM_WITHIN_LIMIT, COUNT_LIMIT, TASK_QUEUE } from './names';
import type { CountLimitInput, LimitsInput, LimitsResult } from './run-contract';

type Max = NonNullable<PlannedLimits['max']>;

/** A count outlives its period by a little, for clocks that differ and for the hour that a day gains in autumn. */
const KEEP_MS = { minute: 120_000, hour: 2 * 3_600_000, day: 26 * 3_600_000 } as const;
/** `2026-03-02`, `2026-03-02 09`, `2026-03-02 09:41`: how much of the local time names the period. */
const PERIOD_CHARS = { day: 10, hour: 13, minute: 16 } as const;

/**
 * A rule's limits, counted at Temporal, hence across restarts, workers and receivers.
 *
 * Guaranteed: within a cooldown one event at most acts, in a calendar minute, hour or day (of the rule's zone) `count`
 * at most. The same event claims again without being counted twice. Not guaranteed: that a rule which claimed also did
 * something; its steps may fail afterwards, and still count.
 */
export class TemporalLimits {
  /**
   * @param valueOf the value of the field that a limit is `per`; null when the event has none (all such events are
   *   counted together).
   * @param hashKey as for {@link TemporalCooldowns}.
   */
  constructor(
    private readonly client: Client,
    private readonly cooldowns: TemporalCooldowns,
    private readonly hashKey: string,
    private readonly valueOf: (event: CanonicalEvent, field: string) => string | null,
    private readonly now: () => Date = () => new Date(),
  ) {}

  /** @throws what the Temporal client throws while Temporal is away. */
  async claim({ event, rule, timezone, limits }: LimitsInput): Promise<LimitsResult> {
    const owner = `${event.event_id}/${rule}`;
    const subject = (per: string | null): string =>
      JSON.stringify([rule, per, per === null ? null : this.valueOf(event, per)]);
    const { cooldown, max } = limits;
    const cooldownKey = cooldown === null ? null : `rule ${subject(cooldown.per)}`;
    if (
      cooldown !== null &&
      cooldownKey !== null &&
      (await this.cooldowns.claim(cooldownKey, cooldown.window_ms, owner)) === 'held'
    ) {
      return { within: false, reason: 'limit: within the cooldown' };
    }
    if (max !== null && !(await this.#count(max, subject(max.per), timezone, owner))) {
      if (cooldownKey !== null) {
        await this.cooldowns.release(cooldownKey, owner);
      }
      return { within: false, reason: `limit: ${max.count} per ${max.every} reached` };
    }
    return { within: true };
  }

  #count(max: Max, subject: string, timezone: string, owner: string): Promise<boolean> {
    const period = localTime(this.now(), timezone).slice(0, PERIOD_CHARS[max.every]);
    const hash = createHmac('sha256', this.hashKey).update(subject).digest('hex').slice(0, 32);
    const input: CountLimitInput = { max: max.count, keep_ms: KEEP_MS[max.every], owners: [] };
    const start = new WithStartWorkflowOperation(COUNT_LIMIT, {
      workflowId: `limit/${hash}/${period.replace(' ', 'T')}`,
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

/** `2026-03-02 09:41` in a zone. */
function localTime(at: Date, timezone: string): string {
  return at.toLocaleString('sv-SE', {
    timeZone: timezone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  });
}
