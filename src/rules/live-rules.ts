import type { PrintableText } from '../text/printable';
import { stateOf, type FileStates } from './reload/load-files';
import type { Reloaded } from './reload/reload';
import type { RuleSet } from './rule-set';

const POLL_INTERVAL_MS = 500;
/** When the files could not be checked, they are checked again after so many polls: a minute. */
const POLLS_AFTER_FAILURE = 120;

/** Callbacks of {@link LiveRules}. */
export interface LiveRulesEvents {
  /** Other rules are in force, or the files are valid again. */
  onTaken(ruleSet: RuleSet): void;
  /** A changed file has errors. The previous rules stay in force. `text`: the first findings for people. */
  onRefused(refused: { findings: number; text: PrintableText }): void;
  /** Changed files could not be checked; `why` is a clause. The previous rules stay in force. */
  onFailed(why: string): void;
  /** A listener of {@link LiveRules.onTaken} threw. The rules are in force. */
  onListenerFailed(error: unknown): void;
}

/**
 * The rules in force, reloaded when their files change: a saved file is noticed within half a second. A file with errors
 * is refused, and the previous rules stay in force. An event is matched against one rule set, never against a mixture.
 *
 * Size and modification time of the files are polled twice a second. File system events are lost by the ways in which
 * editors save, by bind mounts and by network file systems. One reload runs at a time.
 */
export class LiveRules {
  #ruleSet: RuleSet;
  #problem: string | null = null;
  #states: FileStates;
  #isLoading = false;
  #pollsUntilRetry: number | null = null;
  readonly #timer: NodeJS.Timeout;
  readonly #stop = new AbortController();
  readonly #listeners: ((ruleSet: RuleSet) => void)[] = [];

  /**
   * @param first the rules of the first load, and the files as they were before they were read.
   * @param load loads the files again, without keeping the process from other work.
   */
  constructor(
    first: { ruleSet: RuleSet; states: FileStates },
    private readonly load: (inForce: RuleSet, signal: AbortSignal) => Promise<Reloaded>,
    private readonly events: LiveRulesEvents,
  ) {
    this.#ruleSet = first.ruleSet;
    this.#states = first.states;
    this.#timer = setInterval(() => this.#poll(), POLL_INTERVAL_MS);
    this.#timer.unref();
  }

  /** The rules in force. */
  get ruleSet(): RuleSet {
    return this.#ruleSet;
  }

  /** Calls the listener, too, whenever changed files are in force. */
  onTaken(listener: (ruleSet: RuleSet) => void): void {
    this.#listeners.push(listener);
  }

  /** Why the present files are not in force; null when they are. */
  problem(): string | null {
    return this.#problem;
  }

  /** Ends a reload that runs, too. */
  stop(): void {
    clearInterval(this.#timer);
    this.#stop.abort();
  }

  #poll(): void {
    if (this.#isLoading) {
      return;
    }
    const states = new Map([...this.#states.keys()].map((file) => [file, stateOf(file)]));
    const isChanged = [...states].some(([file, state]) => this.#states.get(file) !== state);
    if (isChanged || this.#isRetryDue()) {
      this.#isLoading = true;
      void this.#reload(states).finally(() => {
        this.#isLoading = false;
      });
    }
  }

  #isRetryDue(): boolean {
    if (this.#pollsUntilRetry === null) {
      return false;
    }
    this.#pollsUntilRetry -= 1;
    return this.#pollsUntilRetry <= 0;
  }

  /** @param states the files before the reload. */
  async #reload(states: FileStates): Promise<void> {
    let reloaded: Reloaded;
    try {
      reloaded = await this.load(this.#ruleSet, this.#stop.signal);
    } catch (error) {
      reloaded = { kind: 'failed', why: error instanceof Error ? error.name : 'unknown' };
    }
    if (this.#stop.signal.aborted) {
      return;
    }
    this.#states = reloaded.kind === 'failed' ? states : reloaded.states;
    this.#pollsUntilRetry = reloaded.kind === 'failed' ? POLLS_AFTER_FAILURE : null;
    switch (reloaded.kind) {
      case 'refused': {
        const { errors } = reloaded;
        this.#refuse(`have ${errors} ${errors === 1 ? 'error' : 'errors'} (bridge rules check)`);
        this.events.onRefused(reloaded);
        return;
      }
      case 'failed':
        this.#refuse(`cannot be checked: ${reloaded.why}`);
        this.events.onFailed(reloaded.why);
        return;
      case 'unchanged':
        if (this.#problem !== null) {
          this.#take(this.#ruleSet);
        }
        return;
      case 'changed':
        this.#take(reloaded.ruleSet);
        return;
    }
  }

  #refuse(what: string): void {
    this.#problem = `the rule files changed and ${what}; rule set ${this.#ruleSet.hash} stays in force`;
  }

  #take(ruleSet: RuleSet): void {
    this.#problem = null;
    this.#ruleSet = ruleSet;
    this.events.onTaken(ruleSet);
    for (const listener of this.#listeners) {
      try {
        listener(ruleSet);
      } catch (error) {
        this.events.onListenerFailed(error);
      }
    }
  }
}
