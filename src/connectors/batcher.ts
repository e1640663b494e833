import { setImmediate as nextTurn } from 'node:timers/promises';
import { ActionError } from './action-error';

/** A batch waits for the one before it at most this long, so that one slow answer does not hold up the others. */
const LONGEST_GATHER_MS = 250;
/** Batches that are sent at once, for the same reason. */
const MOST_SENDING = 4;

/** What a batch was answered, by input. */
export type Answers<Input, Result> = ReadonlyMap<Input, { result: Result } | { error: ActionError }>;

/** How requests of one kind are sent, alone and together. */
export interface BatchKind<Input, Result> {
  /**
   * Refuses a request that would wait too long for its turn.
   * @param ahead how many requests wait already. @throws ActionError `transient`.
   */
  assertRoom(ahead: number, maxWaitMs: number | undefined): void;
  /** Waits for a slot of the rate limit; called once for each batch. @throws ActionError `transient`. */
  admit(signal: AbortSignal): Promise<void>;
  /** Sends one request, by the way that there is for one. */
  sendOne(input: Input, signal: AbortSignal): Promise<Result>;
  /**
   * Sends several at once. An input without an answer is sent alone afterwards, for it gets the answer that is its own
   * there; `split` sends each half on its own.
   * @throws what all of them get, unless one of them may be to blame: `permanent`, or `credential` that the first, asked
   *   alone, does not get. Each half is then sent on its own.
   */
  sendMany(inputs: readonly Input[], signal: AbortSignal): Promise<Answers<Input, Result> | 'split'>;
  /** Whether an input may join a batch. */
  joins(batch: readonly Input[], next: Input): boolean;
  /** Whether a refusal of one input, sent alone, holds for another. */
  sharesRefusal(refused: Input, error: ActionError, other: Input): boolean;
}

interface Waiting<Input, Result> {
  input: Input;
  signal: AbortSignal;
  /** Milliseconds of a monotonic clock. */
  since: number;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/** The refusals that were learned while one batch was taken apart. */
type Refusals<Input> = { input: Input; error: ActionError }[];

/**
 * Sends requests of one kind together, as a database commits transactions together: while nothing is under way a request
 * goes out at once and alone; while others are, or the rate limit makes them wait, requests gather and go out as one.
 *
 * Guaranteed: every request ends as it would alone: with its own result, its own refusal, or the failure of the request
 * that carried it. One whose signal aborts leaves the others alone. Not guaranteed: that a request whose signal aborts
 * has not been sent. Not bounded here: how many wait, which is at most the attempts that the worker makes at once.
 */
export class Batcher<Input, Result> {
  #waiting: Waiting<Input, Result>[] = [];
  #isAdmitting = false;
  #sending = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param closing aborts what is under way. */
  constructor(
    private readonly kind: BatchKind<Input, Result>,
    private readonly closing: AbortSignal,
    private readonly cancelled: () => ActionError,
  ) {}

  /**
   * @param maxWaitMs of the wait for a slot; the limit's own when absent.
   * @throws what the kind throws, and `cancelled`.
   */
  async request(input: Input, signal: AbortSignal, maxWaitMs?: number): Promise<Result> {
    if (signal.aborted) {
      throw this.cancelled();
    }
    this.kind.assertRoom(this.#waiting.length, maxWaitMs);
    let onAbort = (): void => undefined;
    const settled = new Promise<Result>((resolve, reject) => {
      onAbort = (): void => {
        this.#waiting = this.#waiting.filter((other) => other.reject !== reject);
        reject(this.cancelled());
      };
      this.#waiting.push({ input, signal, since: performance.now(), resolve, reject });
    });
    signal.addEventListener('abort', onAbort, { once: true });
    this.#next();
    try {
      return await settled;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #next(): void {
    const [oldest] = this.#waiting;
    if (oldest === undefined || this.#isAdmitting || this.#sending >= MOST_SENDING) {
      return;
    }
    const gatherMs = this.#sending === 0 ? 0 : oldest.since + LONGEST_GATHER_MS - performance.now();
    if (gatherMs <= 0) {
      void this.#sendNext();
    } else if (this.#timer === undefined) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#next();
      }, gatherMs).unref();
    }
  }

  async #sendNext(): Promise<void> {
    this.#isAdmitting = true;
    let batch: Waiting<Input, Result>[];
    try {
      await this.kind.admit(this.closing);
      // What else asks in this turn of the event loop comes along.
      await nextTurn();
      batch = this.#take();
    } catch (error) {
      this.#waiting.splice(0).forEach(({ reject }) => reject(error));
      return;
    } finally {
      this.#isAdmitting = false;
    }
    this.#sending += 1;
    this.#next();
    const [first, ...others] = batch;
    try {
      if (first !== undefined && others.length === 0) {
        await this.#alone(first, []);
      } else if (first !== undefined) {
        await this.#together(batch, []);
      }
    } finally {
      this.#sending -= 1;
      this.#next();
    }
  }

  /** In the order in which they came, without those that may not go along. */
  #take(): Waiting<Input, Result>[] {
    const batch: Waiting<Input, Result>[] = [];
    const inputs: Input[] = [];
    const rest: Waiting<Input, Result>[] = [];
    for (const waiting of this.#waiting) {
      if (batch.length === 0 || this.kind.joins(inputs, waiting.input)) {
        batch.push(waiting);
        inputs.push(waiting.input);
      } else {
        rest.push(waiting);
      }
    }
    this.#waiting = rest;
    return batch;
  }

  async #alone({ input, signal, resolve, reject }: Waiting<Input, Result>, refusals: Refusals<Input>): Promise<void> {
    try {
      resolve(await this.kind.sendOne(input, signal));
    } catch (error) {
      if (isRefusal(error)) {
        refusals.push({ input, error });
      }
      reject(error);
    }
  }

  async #together(batch: readonly Waiting<Input, Result>[], refusals: Refusals<Input>): Promise<void> {
    let answers: Answers<Input, Result> | 'split';
    try {
      answers = await this.kind.sendMany(
        batch.map(({ input }) => input),
        this.closing,
      );
    } catch (error) {
      if (isCredential(error)) {
        await this.#afterCredential(batch, error, refusals);
        return;
      }
      if (!isRefusal(error)) {
        batch.forEach(({ reject }) => reject(error));
        return;
      }
      answers = 'split';
    }
    if (answers === 'split') {
      const middle = Math.ceil(batch.length / 2);
      await this.#again([batch.slice(0, middle), batch.slice(middle)], refusals);
      return;
    }
    const unanswered: Waiting<Input, Result>[][] = [];
    for (const waiting of batch) {
      const answer = answers.get(waiting.input);
      if (answer === undefined) {
        unanswered.push([waiting]);
      } else if ('error' in answer) {
        waiting.reject(answer.error);
      } else {
        waiting.resolve(answer.result);
      }
    }
    await this.#again(unanswered, refusals);
  }

  /** The account may refuse the token, or one record of the batch: one request tells which. */
  async #afterCredential(
    [first, ...others]: readonly Waiting<Input, Result>[],
    error: ActionError,
    refusals: Refusals<Input>,
  ): Promise<void> {
    if (first === undefined) {
      return;
    }
    try {
      await this.kind.admit(this.closing);
      first.resolve(await this.kind.sendOne(first.input, first.signal));
    } catch (own) {
      first.reject(own);
      if (!isRefusal(own)) {
        others.forEach(({ reject }) => reject(isCredential(own) ? own : error));
        return;
      }
      refusals.push({ input: first.input, error: own });
    }
    const middle = Math.ceil(others.length / 2);
    await this.#again([others.slice(0, middle), others.slice(middle)], refusals);
  }

  /** Sends parts of a batch one after the other, without what is known by now to be refused, and who has gone. */
  async #again(parts: readonly (readonly Waiting<Input, Result>[])[], refusals: Refusals<Input>): Promise<void> {
    for (const part of parts) {
      const left = part.filter(({ input, signal, reject }) => {
        const known = refusals.find((refusal) => this.kind.sharesRefusal(refusal.input, refusal.error, input));
        if (known !== undefined) {
          reject(known.error);
        }
        return known === undefined && !signal.aborted;
      });
      const [first] = left;
      if (first === undefined) {
        continue;
      }
      try {
        await this.kind.admit(this.closing);
      } catch (error) {
        left.forEach(({ reject }) => reject(error));
        continue;
      }
      await (left.length === 1 ? this.#alone(first, refusals) : this.#together(left, refusals));
    }
  }
}

function isCredential(error: unknown): error is ActionError {
  return error instanceof ActionError && error.errorClass === 'credential';
}

function isRefusal(error: unknown): error is ActionError {
  return error instanceof ActionError && error.errorClass === 'permanent';
}
