import { statSync } from 'node:fs';
import type { LoadedRules } from './parse/load';
import type { RuleSet } from './rule-set';

const POLL_INTERVAL_MS = 500;

/** Callbacks of {@link LiveRules}. */
export interface LiveRulesEvents {
  /** The files were loaded: they changed, or are valid again. */
  onTaken(ruleSet: RuleSet, loaded: LoadedRules): void;
  /** A changed file has errors. The previous rules stay in force. */
  onRefused(loaded: LoadedRules): void;
}

/**
 * The rules in force, reloaded when their files change: a saved file is loaded within a second. A file with errors is
 * refused, and the previous rules stay in force. An event is matched against one rule set, never against a mixture.
 *
 * Size and modification time of the files are polled twice a second. File system events are lost by the ways in which
 * editors save, by bind mounts and by network file systems.
 */
export class LiveRules {
  #ruleSet: RuleSet;
  #problem: string | null = null;
  #seen: string;
  #files: readonly string[];
  readonly #timer: NodeJS.Timeout;
  readonly #listeners: ((ruleSet: RuleSet) => void)[] = [];

  /**
   * @param loaded the result of the first load.
   * @param load loads the files again.
   */
  constructor(
    loaded: Extract<LoadedRules, { ok: true }>,
    private readonly load: () => LoadedRules,
    private readonly events: LiveRulesEvents,
  ) {
    this.#ruleSet = loaded.ruleSet;
    this.#files = loaded.files;
    // The first poll loads the files again: one may have been saved while it was read.
    this.#seen = '';
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

  stop(): void {
    clearInterval(this.#timer);
  }

  #poll(): void {
    const state = stateOf(this.#files);
    if (state === this.#seen) {
      return;
    }
    // The state is taken before reading, so that a file saved meanwhile is noticed by the next poll.
    this.#seen = state;
    const loaded = this.load();
    // Newly included files are polled too, also when the new text is refused.
    const files = [...new Set([...loaded.files, ...this.#files.slice(0, 1)])];
    if (files.join('\n') !== this.#files.join('\n')) {
      this.#files = files;
      this.#seen = '';
    }
    if (!loaded.ok) {
      const errors = loaded.findings.filter((finding) => finding.severity === 'error').length;
      this.#problem = `the rule files changed and have ${errors} ${errors === 1 ? 'error' : 'errors'} (bridge rules check); rule set ${this.#ruleSet.hash} stays in force`;
      this.events.onRefused(loaded);
      return;
    }
    const wasRefused = this.#problem !== null;
    this.#problem = null;
    if (wasRefused || loaded.ruleSet.hash !== this.#ruleSet.hash) {
      this.#ruleSet = loaded.ruleSet;
      this.events.onTaken(loaded.ruleSet, loaded);
      this.#listeners.forEach((listener) => listener(loaded.ruleSet));
    }
  }
}

/** Size, modification time and inode of each file: one of them changes when a file is saved. */
function stateOf(files: readonly string[]): string {
  return files
    .map((file) => {
      try {
        const { size, mtimeMs, ino } = statSync(file);
        return `${file} ${size} ${mtimeMs} ${ino}`;
      } catch {
        return `${file} missing`;
      }
    })
    .join('\n');
}
