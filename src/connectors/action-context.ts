import type { CanonicalEvent } from '../events/canonical-event';
import type { JsonValue } from '../events/json';
import type { ActionLog } from './action-log';

/**
 * "At most one per window". Temporal holds the claims, so they hold across restarts, workers and receivers. Guarantee:
 * of all claims on one key within `windowMs`, at most one owner gets `claimed`; the same owner may claim again (a
 * retry). Not guaranteed: order among competing owners.
 */
export interface Cooldowns {
  /**
   * @param key what is limited; may hold personal data: it is hashed with a key before it leaves the process.
   * @param owner the action key that claims.
   */
  claim(key: string, windowMs: number, owner: string): Promise<'claimed' | 'held'>;
  /** Releases a claim that was not used. No effect when `owner` does not hold it. */
  release(key: string, owner: string): Promise<void>;
}

/**
 * One of our numbers and a person's, both in E.164. `ours` is null when it is not known: then all of ours are meant.
 */
export interface NumberPair {
  ours: string | null;
  peer: string;
}

/**
 * Who asked for no more texts. Temporal holds it, for all workers, until the person asks for texts again. As with the
 * carriers, it counts for the one of our numbers that the person wrote to.
 */
export interface OptOuts {
  /** Since when the person gets no texts from our number; null when it may. @throws when Temporal does not answer. */
  since(pair: NumberPair): Promise<Date | null>;
  /**
   * Records that a person asked for no more texts (`out`) or for texts again (`in`). Repeatable. What a person asked
   * for later counts, in whichever order it arrives.
   * @param at when the person asked.
   * @returns as {@link since}, afterwards. A person that asks `out` again is out since the first time.
   * @throws when Temporal does not answer, or keeps as many as it may.
   */
  record(pair: NumberPair, state: 'out' | 'in', at: Date): Promise<Date | null>;
}

/** The context of an action: everything but its input. */
export interface ActionContext<Client> {
  /** This connector's client, opened once per worker. */
  readonly client: Client;
  /** The action key `<event id>/<rule>/<step>`: the same on every retry; what idempotency is built on. */
  readonly key: string;
  /** Aborts when the step is cancelled, times out or the worker stops: pass it to every request. */
  readonly signal: AbortSignal;
  readonly event: CanonicalEvent;
  readonly log: ActionLog;
  /**
   * 1 for the first attempt of this step. Above 1, an earlier attempt may have got as far as the provider; those that a
   * parked connection held back do not count.
   */
  readonly attempt: number;
  /** When the step began (its first attempt), not this attempt. */
  readonly startedAt: Date;
  /**
   * What earlier attempts left for later ones, in Temporal's history: no personal data. Best effort: what was saved
   * just before a crash may be lost.
   */
  readonly progress: { readonly last: JsonValue; save(detail: JsonValue): void };
  /** Country for reading phone numbers without a country code, from the rule file; null when it does not set one. */
  readonly country: string | null;
  /** IANA zone of the rule. */
  readonly timezone: string;
  /** Whether a number (any format) is one of our own. */
  isOurs(number: string): boolean;
  readonly cooldowns: Cooldowns;
  readonly optOuts: OptOuts;
  /** The client of another connector, by its name (`email.send` asks `voipbin` for recordings). */
  clientOf<Other>(connector: {
    readonly name: string;
    readonly connection: { open(settings: never): Other | Promise<Other> };
  }): Other;
}

/** What an action returns: either its result, for later steps (`steps.<id>.<field>`), or why it did nothing. */
export type ActionOutcome<Output> = { outcome: 'done'; result: Output } | { outcome: 'skipped'; reason: string };
