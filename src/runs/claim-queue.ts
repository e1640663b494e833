import type { ClaimAnswer, ClaimChange } from './run-contract';

interface Waiting {
  change: ClaimChange;
  resolve: (answer: ClaimAnswer) => void;
  reject: (error: unknown) => void;
}

/**
 * Sends changes one update after the other: those that arrive during an update go together in the next one. It holds as
 * many as the worker has attempts under way (create-worker.ts).
 */
export class ClaimQueue {
  #waiting: Waiting[] = [];
  #isSending = false;

  /** @param send resolves with an answer to each change, in order. */
  constructor(private readonly send: (changes: ClaimChange[]) => Promise<ClaimAnswer[]>) {}

  /** @throws what `send` throws (as a rejection), for each change that was sent with this one. */
  add(change: ClaimChange): Promise<ClaimAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ change, resolve, reject });
      void this.#sendAll();
    });
  }

  async #sendAll(): Promise<void> {
    if (this.#isSending) {
      return;
    }
    this.#isSending = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      await this.#sendGroup(group);
    }
    this.#isSending = false;
  }

  async #sendGroup(group: readonly Waiting[]): Promise<void> {
    try {
      const answers = await this.send(group.map(({ change }) => change));
      group.forEach(({ resolve, reject }, index) => {
        const answer = answers[index];
        if (answer === undefined) {
          reject(new Error('an update of the claims gave too few answers'));
        } else {
          resolve(answer);
        }
      });
    } catch (error) {
      for (const { reject } of group) {
        reject(error);
      }
    }
  }
}
