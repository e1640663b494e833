import { z } from 'zod';
import type { JsonObject, JsonValue } from '../../events/json';
import { ActionError, providerCode } from '../action-error';
import type { Recipient } from './addresses';
import type { MailFailure } from './mail-failure';

const saved = z.object({
  recipients: z.int(),
  done: z.array(z.int().min(0)),
  refused: z.array(z.object({ at: z.int().min(0), code: z.string() })),
});

interface Refused {
  at: number;
  error: ActionError;
}

/**
 * Who has a mail, over all attempts of a step. What it saves names recipients by their place in the rule: no address is
 * in Temporal's history.
 */
export class Delivery {
  readonly #recipients: readonly Recipient[];
  readonly #done = new Set<number>();
  readonly #refused = new Map<number, Refused>();

  /**
   * @param recipients each address once.
   * @param progress what {@link Delivery.save} gave to an earlier attempt; anything else begins anew.
   */
  constructor(recipients: readonly Recipient[], progress: JsonValue) {
    this.#recipients = recipients;
    const parsed = saved.safeParse(progress);
    if (parsed.success && parsed.data.recipients === recipients.length) {
      parsed.data.done.forEach((at) => this.#done.add(at));
      parsed.data.refused.forEach(({ at, code }) => this.#refused.set(at, { at, error: refusedBefore(code) }));
    }
  }

  /** Those that neither have the mail nor were refused for good. */
  get open(): Recipient[] {
    return this.#recipients.filter((_, at) => !this.#done.has(at) && !this.#refused.has(at));
  }

  get accepted(): number {
    return this.#done.size;
  }

  save(): JsonObject {
    return {
      recipients: this.#recipients.length,
      done: [...this.#done].sort((a, b) => a - b),
      refused: [...this.#refused.values()].map(({ at, error }) => ({ at, code: error.detail.code })),
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
    const account = waiting.filter(({ error }) => error.errorClass === 'credential');
    const [reasons = []] = [account, waiting, [...this.#refused.values()]].filter((some) => some.length > 0);
    return this.#failure(reasons);
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

function refusedBefore(code: string): ActionError {
  return new ActionError('permanent', `the mail server refused the recipient (${code})`, {
    connection: 'email',
    code: providerCode(code),
    remedy: 'Look at the address in the rule, or the field that it comes from.',
  });
}
