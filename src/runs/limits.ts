import type { CanonicalEvent } from '../events/canonical-event';
import type { PlannedLimits } from '../rules/plan';
import type { TemporalClaims } from './claims';
import type { TemporalCooldowns } from './cooldowns';
import type { EarlierClaims } from './earlier-claims';
import type { LimitsInput, LimitsResult } from './run-contract';

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
   * @param valueOf reads the field that a limit is `per`; null when the event has none. Events without the field are
   *   counted together.
   */
  constructor(
    private readonly claims: TemporalClaims,
    private readonly earlier: EarlierClaims,
    private readonly cooldowns: TemporalCooldowns,
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

  async #count(max: Max, subject: string, timezone: string, owner: string): Promise<boolean> {
    const period = periodOf(max.every, this.now(), timezone);
    const earlier = await this.earlier.countWithin(subject, period, owner);
    if (earlier !== null) {
      return earlier;
    }
    const key = `limit ${subject} ${period}`;
    return (await this.claims.claim({ key, owner, max: max.count, keepMs: KEEP_MS[max.every] })) === 'claimed';
  }
}

/** The calendar minute, hour or day that contains `at` in the time zone: `2026-03-02T09:41`, `2026-03-02T09`, `2026-03-02`. */
export function periodOf(every: Max['every'], at: Date, timezone: string): string {
  return localTime(at, timezone).slice(0, PERIOD_CHARS[every]).replace(' ', 'T');
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
