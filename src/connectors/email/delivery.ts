import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { JsonObject, JsonValue } from '../../events/json';
import { ActionError, providerCode } from '../action-error';
import type { Recipient } from './addresses';
import type { MailFailure } from './mail-failure';

const saved = z.object({
  done: z.array(z.string()),
  refused: z.array(z.object({ who: z.string(), code: z.string() })),
});

interface Refused {
  at: number;
  error: ActionError;
}

/**
 * Who has a mail, over all attempts of a step, also those of a later run whose rule names other recipients. What it saves
 * names recipients by a digest of the address and the action key: no address is in Temporal's history.
 */
export class Delivery {
  readonly #recipients: readonly Recipient[];
  /** The digest of each recipient. */
  readonly #digests: readonly string[];
  readonly #done = new Set<number>();
  readonly #refused = new Map<number, Refused>();

  /**
   * @param recipients each address once.
   * @param progress what {@link Delivery.save} gave to an earlier attempt; anything else begins anew.
   * @param key the action key.
   */
  constructor(recipients: readonly Recipient[], progress: JsonValue, key: string) {
    this.#recipients = recipients;
    this.#digests = recipients.map(({ address }) => digestOf(key, address));
    const parsed = saved.safeParse(progress);
    const { done, refused } = parsed.success ? parsed.data : { done: [], refused: [] };
    this.#digests.forEach((digest, at) => {
      const code = refused.find(({ who }) => who === digest)?.code;
      if (done.includes(digest)) {
        this.#done.add(at);
      } else if (code !== undefined) {
        this.#refused.set(at, { at, error: refusedBefore(code) });
      }
    });
  }

  /** Those that neither have the mail nor were refused for good. */
  get open(): Recipient[] {
    return this.#recipients.filter((_, at) => !this.#done.has(at) && !this.#refused.has(at));
  }

  get accepted(): number {
    return this.#done.size;
  }

  save(): JsonObject {
    const digests = (places: Iterable<number>): string[] =>
      [...places].sort((a, b) => a - b).map((at) => this.#digests[at] ?? '');
    return {
      done: digests(this.#done),
      refused: [...this.#refused.values()].map(({ at, error }) => ({
        who: this.#digests[at] ?? '',
        code: error.detail.code,
      })),
    };
  }

  /**
   * Notes what the server said about the open recipients.
   * @param refused by address; all others have the mail.
   * @returns why the step is not done yet, or cannot be: the account's trouble before a deferred recipient, and that
   *   before refused ones. Null when everybody has the mail.
   */
  record(refused: ReadonlyMap<string, MailFailure>): ActionError | null {
    const waiting: Refused[] = [];
    this.#recipients.forEach(({ address }, at) => {
      if (this.#done.has(at) || this.#refused.has(at)) {
        return;
      }
      const error = refused.get(address)?.error ?? null;
      if (error === null) {
        this.#done.add(at);
      } else if (error.errorClass === 'permanent') {
        this.#refused.set(at, { at, error });
      } else {
        waiting.push({ at, error });
      }
    });
    if (waiting.length === 0) {
      // The step ends here. A run that continues from it asks for those who were refused again, and for nobody else.
      const failure = this.#failure([...this.#refused.values()]);
      this.#refused.clear();
      return failure;
    }
    const account = waiting.filter(({ error }) => error.errorClass === 'credential');
    return this.#failure(account.length > 0 ? account : waiting);
  }

  #failure(reasons: readonly Refused[]): ActionError | null {
    const [first] = reasons;
    if (first === undefined) {
      return null;
    }
    const { errorClass, message, detail } = first.error;
    const total = this.#recipients.length;
    const places = reasons.map(({ at }) => this.#recipients[at]?.where ?? '').join(', ');
    const whole =
      total === 1 ? message : `${message}: ${places}; ${this.#done.size} of ${total} recipients have the mail`;
    return new ActionError(errorClass, whole, detail);
  }
}

/** Enough to distinguish the recipients of one mail. */
function digestOf(key: string, address: string): string {
  return createHash('sha256').update(`${key}\n${address}`).digest('hex').slice(0, 16);
}

function refusedBefore(code: string): ActionError {
  return new ActionError('permanent', `the mail server refused the recipient (${code})`, {
    connection: 'email',
    code: providerCode(code),
    remedy: 'Look at the address in the rule, or the field that it comes from.',
  });
}
