import type { Logger } from 'pino';
import type { CanonicalEvent } from '../events/canonical-event';
import { ownNumbersIn, type OwnNumbers } from '../events/own-numbers';
import type { Inbox } from '../inbox/inbox';
import type { InboxOutcome } from '../inbox/stored-event';
import { SeenCalls } from '../events/seen-calls';
import type { Plan } from '../rules/plan';
import { matchEvent, type EventRules, type InvalidEvent, type MatchedEvent } from './match-event';
import { RareLines } from './rare-lines';
import type { TrustedBody } from './trusted-body';

/** A rule that fails for every event would fill the log. */
const FAILURE_LINE_EVERY_MS = 60_000;

/** What {@link Ingest} needs. */
export interface IngestOptions {
  inbox: Pick<Inbox, 'append' | 'quarantine' | 'learnOwnNumbers'>;
  /** Returns the rules in force. Called for every event, so a reload takes effect at once. */
  ruleSet: () => EventRules;
  ownNumbers: OwnNumbers;
  /** Called for each rule that failed on a new event, because its condition took too many steps. */
  onRuleFailed?: (rule: string) => void;
  log: Pick<Logger, 'warn' | 'error'>;
}

/** What {@link Ingest.take} did with a body. */
export type IngestResult =
  | { outcome: InboxOutcome; event: CanonicalEvent }
  /** The body is not an event. `quarantineId` is null when it was not kept. */
  | { outcome: 'invalid'; invalid: InvalidEvent; quarantineId: string | null };

/**
 * The one way into the inbox, for the webhook and for backfill: trusted body -> matched event -> inbox.
 *
 * Guarantees: when {@link take} resolves, the event and its plan are on the disk, or it is a duplicate of one that is,
 * or the body is in quarantine. An event has the same id, and matches the same rules, whichever way it came. A message
 * and its twin run each rule once, whichever comes first.
 *
 * Not guaranteed: that our own numbers are remembered. A number that could not be stored is learned again from the next
 * event that shows it.
 */
export class Ingest {
  /** So that most events that name a call need no look-up. In memory: the answer to VoIPBIN waits for the disk alone. */
  readonly #seenCalls = new SeenCalls();
  readonly #failures = new RareLines(FAILURE_LINE_EVERY_MS);

  constructor(private readonly options: IngestOptions) {}

  /**
   * Takes one body.
   *
   * @param mayQuarantine asked before a body that is not an event is kept. Bodies that a bug of the bridge made invalid
   *   are always kept.
   * @throws InboxUnavailable when nothing can be stored at present.
   */
  async take(body: TrustedBody, mayQuarantine: () => boolean | Promise<boolean> = () => true): Promise<IngestResult> {
    const result = matchEvent(body, this.options.ownNumbers, this.options.ruleSet(), this.#seenCalls);
    if (result.ok) {
      this.#seenCalls.note(result.matched.event.type, result.matched.event.data);
      return { outcome: await this.#store(result.matched), event: result.matched.event };
    }
    const { invalid } = result;
    if (invalid.reason !== 'bug' && !(await mayQuarantine())) {
      return { outcome: 'invalid', invalid, quarantineId: null };
    }
    return { outcome: 'invalid', invalid, quarantineId: await this.#quarantine(body, invalid) };
  }

  async #store({ event, plan, ruleset, body, contentType }: MatchedEvent): Promise<InboxOutcome> {
    const outcome = await this.options.inbox.append({ event, body, content_type: contentType, ruleset, plan });
    if (outcome !== 'duplicate') {
      this.#learnOwnNumbers(event);
      this.#reportFailures(event, plan);
    }
    return outcome;
  }

  #reportFailures(event: CanonicalEvent, plan: Plan | null): void {
    for (const { name, failure } of plan?.rules ?? []) {
      if (failure !== undefined) {
        this.options.onRuleFailed?.(name);
        const since = this.#failures.count(name, Date.now());
        if (since !== null) {
          const more = since === 1 ? '' : `, and ${since - 1} times since the last line`;
          this.options.log.error(
            { event: event.event_id, rule: name, code: failure.code, times: since },
            `rule "${name}" failed${more}: ${failure.message}; the event is kept. What to do: ${failure.remedy}`,
          );
        }
      }
    }
  }

  /** Does not wait for the disk: nothing is lost when it fails. */
  #learnOwnNumbers(event: CanonicalEvent): void {
    const { inbox, ownNumbers, log } = this.options;
    const fresh = ownNumbersIn(event).filter((number) => ownNumbers.learn(number));
    if (fresh.length > 0) {
      inbox
        .learnOwnNumbers(fresh)
        .catch(() => log.warn({}, 'cannot store one of our numbers; the next event with it tries again'));
    }
  }

  async #quarantine(body: TrustedBody, invalid: InvalidEvent): Promise<string> {
    const id = await this.options.inbox.quarantine({
      reason: `${invalid.reason}: ${invalid.message}`,
      received_at: body.receivedAt,
      content_type: body.contentType,
      body: body.bytes,
    });
    if (invalid.reason === 'bug') {
      this.options.log.error(
        { quarantine: id, error: invalid.error instanceof Error ? invalid.error.name : 'unknown' },
        'the bridge failed to read a body, which is a bug; the body is in quarantine (bridge events list --quarantine): please report this',
      );
    }
    return id;
  }
}
