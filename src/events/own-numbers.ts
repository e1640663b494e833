import type { CanonicalEvent } from './canonical-event';
import { resourceOf } from './catalogue';
import { declaredDirection } from './direction';
import { textAt } from './payload';
import { toE164 } from './phone';

/** Learned numbers that are kept; beyond that, the one learned longest ago is dropped. */
const MAX_LEARNED = 10_000;
/** The form of E.164, as the live sender writes numbers. */
const E164_FORM = /^\+[1-9]\d{6,14}$/;
/**
 * So many digits at the end of a number in the form of E.164 are the same after {@link toE164}, in every plan that it knows
 * (own-numbers.test.ts): it changes prefixes only.
 */
const ENDING = 4;

/**
 * The numbers that are ours: those in the settings, and those learned since the start (from the account's list, and
 * from what we sent).
 *
 * Not guaranteed: that they outlive the process, or reach other processes; callers do that.
 */
export class OwnNumbers {
  readonly #country: string | null;
  readonly #configured: ReadonlySet<string>;
  readonly #learned = new Set<string>();
  /** The ends of all numbers, also of those that were dropped; at most all combinations of four digits. */
  readonly #endings = new Set<string>();

  /**
   * @param configured in any common format.
   * @param country ISO 3166-1 alpha-2, for numbers written without a country code; null when there is none.
   */
  constructor(configured: readonly string[], country: string | null) {
    this.#country = country;
    this.#configured = new Set(configured.map((number) => this.#normal(number)).filter((number) => number !== ''));
    for (const number of this.#configured) {
      this.#endings.add(number.slice(-ENDING));
    }
  }

  /** Whether a number, in any common format, is ours. */
  has(number: string): boolean {
    // Every event asks, mostly of a number that nobody asked of before, and reading one takes a fifth of an ack (profiled).
    if (E164_FORM.test(number) && !this.#endings.has(number.slice(-ENDING))) {
      return false;
    }
    const normal = this.#normal(number);
    return this.#configured.has(normal) || this.#learned.has(normal);
  }

  /** Adds a number of ours. @returns whether it is new; false for text that is not a phone number. */
  learn(number: string): boolean {
    const normal = toE164(number, this.#country);
    if (normal === null || this.#configured.has(normal)) {
      return false;
    }
    const isNew = !this.#learned.delete(normal);
    this.#learned.add(normal);
    this.#endings.add(normal.slice(-ENDING));
    if (this.#learned.size > MAX_LEARNED) {
      for (const oldest of this.#learned) {
        this.#learned.delete(oldest);
        break;
      }
    }
    return isNew;
  }

  /** All numbers, in E.164 where possible: the configured ones first, then the learned ones, oldest first. */
  all(): string[] {
    return [...this.#configured, ...this.#learned];
  }

  /** E.164, or the trimmed text when it is not a phone number (short codes). */
  #normal(number: string): string {
    return toE164(number, this.#country) ?? number.trim();
  }
}

/** Resources with two parties. */
const TWO_PARTY_RESOURCES = new Set(['call', 'message', 'conversation_message']);

/**
 * The numbers that an event proves to be ours: the source of an outbound call or message, the destination of an inbound
 * one, and a number that VoIPBIN lists as ours.
 *
 * Only a direction in the payload counts: an inferred one could make the peer's number ours. Further legs of a call do
 * not count either: their source may be the original caller's number.
 */
export function ownNumbersIn(event: CanonicalEvent): string[] {
  const resource = resourceOf(event.type);
  if (resource === 'number') {
    const number = event.type === 'number_deleted' ? null : textAt(event.data, 'number');
    return number === null ? [] : [number];
  }
  if (
    resource === null ||
    !TWO_PARTY_RESOURCES.has(resource) ||
    declaredDirection(event.data) === null ||
    event.ours?.type !== 'tel' ||
    event.ours.number === null
  ) {
    return [];
  }
  const isFurtherLeg = resource === 'call' && event.root_call_id !== event.call_id;
  return isFurtherLeg && event.direction === 'outbound' ? [] : [event.ours.number];
}
