import { z } from 'zod';
import { nowMs, until } from '../../bench/clock';
import { signatureOf } from '../../src/receiver/verified-request';
import { Secret } from '../../src/settings/secret';
import type { Delivery, Subject } from './traffic';

/** One request of the sender, and its result. */
export interface Attempt {
  delivery: Delivery;
  /** Moments of the bench clock. */
  sentAt: number;
  answeredAt: number;
  /** Null: no answer. */
  status: number | null;
  /** The answer's text, or why there was none. */
  answer: string;
}

const TRIES = 3;
const PAUSE_MS = 1_000;
/** The sender's time-outs: to the headers of the answer. */
const ANSWER_WITHIN_MS = 15_000;

const answerSchema = z.object({ status: z.enum(['received', 'duplicate', 'ignored']), id: z.string() });

/**
 * Sends events as VoIPBIN does: up to three times, one second apart, and again only after a 5xx or no answer; whatever
 * else is answered, it forgets the event. It keeps a ledger of all it did.
 */
export class HonestSender {
  readonly attempts: Attempt[] = [];
  readonly #secret: Secret | null;
  #stopped = false;

  /** @param secret signs the events when given. */
  constructor(secret?: string) {
    this.#secret = secret === undefined ? null : new Secret(secret);
  }

  /** Sends nothing more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Sends one event, with all its tries. @param url asked for every try. */
  async deliver(delivery: Delivery, url: () => string): Promise<void> {
    for (let attempt = 1; attempt <= TRIES && !this.#stopped; attempt += 1) {
      const { status } = await this.#attempt(delivery, url());
      if (status !== null && status < 500) {
        return;
      }
      if (attempt < TRIES) {
        await until(nowMs() + PAUSE_MS);
      }
    }
  }

  /**
   * Sends events at a fixed rate, however slow the answers are; resolves when all have been answered or given up.
   * @param perSecond events a second.
   */
  async deliverAll(
    deliveries: readonly Delivery[],
    perSecond: number,
    url: (delivery: Delivery) => string,
  ): Promise<void> {
    const began = nowMs();
    const underWay: Promise<void>[] = [];
    for (const [index, delivery] of deliveries.entries()) {
      await until(began + (index * 1_000) / perSecond);
      if (this.#stopped) {
        break;
      }
      underWay.push(this.deliver(delivery, () => url(delivery)));
    }
    await Promise.all(underWay);
  }

  /** Every subject that it sent events about, and whether any of them was acknowledged with 200. */
  subjects(): Map<string, { subject: Subject; acknowledged: boolean }> {
    const found = new Map<string, { subject: Subject; acknowledged: boolean }>();
    for (const { delivery, status } of this.attempts) {
      const acknowledged = status === 200 || (found.get(delivery.subject.id)?.acknowledged ?? false);
      found.set(delivery.subject.id, { subject: delivery.subject, acknowledged });
    }
    return found;
  }

  /** Ids of the events that were answered with 200. */
  acknowledgedEvents(): Set<string> {
    return new Set(this.attempts.filter(({ status }) => status === 200).map(({ delivery }) => delivery.eventId));
  }

  /** Answers that no honest event should get, one sentence each: a 4xx, or a 200 that does not say what it should. */
  wrongAnswers(): string[] {
    return this.attempts.flatMap(({ delivery, status, answer }) => {
      if (status === null || status >= 500) {
        return [];
      }
      const said = status === 200 ? readAnswer(answer) : null;
      return said?.id === delivery.eventId
        ? []
        : [`${delivery.eventId}: was answered ${status} ${answer.slice(0, 200)}`];
    });
  }

  async #attempt(delivery: Delivery, url: string): Promise<Attempt> {
    const sentAt = nowMs();
    const end = (status: number | null, answer: string): Attempt => {
      const attempt = { delivery, sentAt, answeredAt: nowMs(), status, answer };
      this.attempts.push(attempt);
      return attempt;
    };
    try {
      const headers = {
        'content-type': 'application/json',
        ...(this.#secret === null ? {} : { 'x-voipbin-signature': signatureOf(delivery.body, this.#secret) }),
      };
      const response = await fetch(url, {
        method: 'POST',
        headers,
        body: new Uint8Array(delivery.body),
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      return end(response.status, await response.text());
    } catch (error) {
      return end(null, error instanceof Error ? error.message : 'no answer');
    }
  }
}

function readAnswer(text: string): z.infer<typeof answerSchema> | null {
  try {
    return answerSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
