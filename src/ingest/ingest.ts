import { ownNumbersIn, type OwnNumbers } from '../events/own-numbers';
import type { Inbox } from '../inbox/inbox';
import type { InboxOutcome } from '../inbox/stored-event';
import { takeEvent, type EventRules } from './match-event';
import { VerifiedRequest } from '../receiver/verified-request';
import { BACKFILL_CONTENT_TYPE } from './arrival';

/** What {@link openDoor} needs: the receiver's own. */
export interface DoorOptions {
  inbox: Pick<Inbox, 'append' | 'quarantine' | 'learnOwnNumbers'>;
  ruleSet: () => EventRules;
  ownNumbers: OwnNumbers;
}

/**
 * What became of a body: as at the webhook, or `refused` when no event can be made of it (it is in the quarantine
 * then).
 */
export type DoorOutcome = InboxOutcome | 'refused';

/**
 * Takes the body of an event that was missed, as if it had come by webhook now: the same reading, the same id, the same
 * rules, the same inbox. An event that the webhook brought, in whichever dialect, is a `duplicate`, and so is its
 * webhook when it comes after all; a message and its twin fire a rule once.
 * @throws InboxUnavailable (as a rejection) when it cannot be kept at present.
 */
export type BackfillDoor = (body: Buffer) => Promise<DoorOutcome>;

/** The receiver's own door, from inside: no signature, for nobody sent it. */
export function openDoor(options: DoorOptions): BackfillDoor {
  return async (body) => {
    const request = VerifiedRequest.check(
      { body, signature: null, contentType: BACKFILL_CONTENT_TYPE, contentEncoding: null, receivedAt: new Date() },
      [],
    );
    if (request === null) {
      throw new TypeError('a request that needs no signature was refused for it');
    }
    const taken = takeEvent(request, options.ownNumbers, options.ruleSet());
    if (!taken.ok) {
      await options.inbox.quarantine({
        reason: `${taken.fault}: ${taken.message}`,
        received_at: request.receivedAt,
        content_type: request.contentType,
        body,
      });
      return 'refused';
    }
    const { event, plan, ruleset } = taken.matched;
    const outcome = await options.inbox.append({ event, body, content_type: request.contentType, ruleset, plan });
    if (outcome !== 'duplicate') {
      const fresh = ownNumbersIn(event).filter((number) => options.ownNumbers.learn(number));
      if (fresh.length > 0) {
        // Nobody waits for it: what is lost is learnt again from the next event.
        options.inbox.learnOwnNumbers(fresh).catch(() => undefined);
      }
    }
    return outcome;
  };
}
