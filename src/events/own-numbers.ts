import type { CanonicalEvent } from './canonical-event';
import { resourceOf } from './catalogue';
import { declaredDirection } from './direction';
import { textAt } from './payload';
import { toE164 } from './phone';

/**
 * So many learnt numbers are remembered; beyond that the one that was learnt longest ago is forgotten. Configured ones
 * never are.
 */
const MOST_LEARNT = 10_000;

/**
 * The numbers that are ours: those of the settings, and those learnt since the start (from the account's list, and from
 * what we sent). In memory only, one per process; where they are learnt from, and that processes tell each other, is
 * the business of others.
 */
export class OwnNumbers {
  readonly #country: string | null;
  readonly #configured: ReadonlySet<string>;
  readonly #learnt = new Set<string>();

  /**
   * @param configured in any common format.
   * @param country ISO 3166-1 alpha-2, for numbers written without a country code; null when there is none.
   */
  constructor(configured: readonly string[], country: string | null) {
    this.#country = country;
    this.#configured = new Set(configured.map((number) => this.#normal(number)).filter((number) => number !== ''));
  }

  /** Whether a number, in any common format, is ours. */
  has(number: string): boolean {
    const normal = this.#normal(number);
    return this.#configured.has(normal) || this.#learnt.has(normal);
  }

  /** Remembers a number as ours. @returns whether it is new; false also for what is no phone number. */
  learn(number: string): boolean {
    const normal = toE164(number, this.#country);
    if (normal === null || this.#configured.has(normal)) {
      return false;
    }
    const isNew = !this.#learnt.delete(normal);
    this.#learnt.add(normal);
    if (this.#learnt.size > MOST_LEARNT) {
      for (const oldest of this.#learnt) {
        this.#learnt.delete(oldest);
        break;
      }
    }
    return isNew;
  }

  /**
   * All of them, E.164 where they are phone numbers: the configured ones first, then the learnt ones in the order of
   * learning.
   */
  all(): string[] {
    return [...this.#configured, ...this.#learnt];
  }

  /** E.164, or the text as it stands for what is no phone number (short codes). */
  #normal(number: string): string {
    return toE164(number, this.#country) ?? number.trim();
  }
}

const TALKS = new Set(['call', 'message', 'conversation_message']);

/**
 * The numbers that an event shows to be ours: what a call or message of ours was sent from, what an inbound one was
 * sent to, and a number that VoIPBIN says we have. Only a direction that the payload itself states counts: one that we
 * inferred must not teach us the peer's number as ours. Neither do the further legs of a call, which may show the
 * original caller's number as their source.
 */
export function ownNumbersIn(event: CanonicalEvent): string[] {
  const resource = resourceOf(event.type);
  if (resource === 'number') {
    const number = event.type === 'number_deleted' ? null : textAt(event.data, 'number');
    return number === null ? [] : [number];
  }
  if (
    resource === null ||
    !TALKS.has(resource) ||
    declaredDirection(event.data) === null ||
    event.ours?.type !== 'tel' ||
    event.ours.number === null
  ) {
    return [];
  }
  const isFurtherLeg = resource === 'call' && event.root_call_id !== event.call_id;
  return isFurtherLeg && event.direction === 'outbound' ? [] : [event.ours.number];
}
