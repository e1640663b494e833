import type { ActionLog } from './action-log';

/**
 * A question about a provider that only a live account answers, and that the code makes an assumption about. A proof
 * makes a few marked records in a test account, looks at what the account does with them, and has them removed again.
 */
export interface Proof<Client> {
  /** Kebab-case, unique within its connector: `unique-call-property`. */
  readonly name: string;
  /** What is asked, one sentence for ops. */
  readonly question: string;
  /** What is made in the account, for the person who has to agree: `two calls and a property of calls`. */
  readonly creates: string;
  /** What the caller must say, by kebab-case name, with a description: the channel of a post, the number of a text. */
  readonly needs?: Readonly<Record<string, string>>;
  /** How long it may take, in milliseconds; two minutes if absent. The signal aborts then. */
  readonly timeoutMs?: number;
  /**
   * Asks the account. An ActionError that it throws means `unknown`, with the error's message as the answer.
   * @returns the answer without personal data and without credentials: it is printed, and pasted into reports.
   */
  run(client: Client, tools: ProofTools): Promise<ProofResult>;
}

/** What a proof gets besides the client. */
export interface ProofTools {
  /** Aborts at the proof's timeout and on Ctrl-C: pass it to every request. */
  readonly signal: AbortSignal;
  readonly log: ActionLog;
  /** A word of lower-case letters and digits that no earlier proof used: part of every record, so that people know it. */
  readonly mark: string;
  /** The values of `needs`. */
  readonly given: Readonly<Record<string, string>>;
  /**
   * Registers how to remove a record. Call it before the request that makes the record if its name is known by then, as
   * the answer may be lost. Records are removed when the proof has ended, however it ended, the latest first.
   *
   * @param what the record, for the list of what could not be removed: `the property bridgeproof1a2b of calls`.
   * @param undo removes the record; a record that does not exist is removed. Gets a signal of its own.
   */
  cleanup(what: string, undo: (signal: AbortSignal) => Promise<void>): void;
}

/** What an account does. */
export interface ProofResult {
  /** What was seen, in one sentence, with the provider's own codes. */
  answer: string;
  /** Whether the code assumes that. */
  verdict: 'as_assumed' | 'differs' | 'unknown';
  /** What follows for the user, one sentence. */
  means: string;
}
