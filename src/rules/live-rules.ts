import { statSync } from 'node:fs';
import type { LoadedRules } from './parse/load';
import type { RuleSet } from './rule-set';

const LOOK_EVERY_MS = 500;

/** What {@link LiveRules} tells of. */
export interface LiveRulesEvents {
  /** The files are in force as they are now: they changed, or are again as they were before their errors. */
  onTaken(ruleSet: RuleSet, loaded: LoadedRules): void;
  /** A changed file has errors; the rules before it stay in force. */
  onRefused(loaded: LoadedRules): void;
}

/**
 * The rules in force, kept up with their files: a saved file is taken within a second, a faulty one is not and the
 * rules before it stay.
 *
 * Files are looked at by size and time of change twice a second rather than by the system's notices, which editors'
 * ways of saving, bind mounts and network file systems lose. An event is matched against the rules of one moment; there
 * is none in between.
 */
export class LiveRules {
  #ruleSet: RuleSet;
  #problem: string | null = null;
  #seen: string;
  #files: readonly string[];
  readonly #timer: NodeJS.Timeout;

  /**
   * @param loaded what the files gave at the start.
   * @param load reads the files again.
   */
  constructor(
    loaded: Extract<LoadedRules, { ok: true }>,
    private readonly load: () => LoadedRules,
    private readonly events: LiveRulesEvents,
  ) {
    this.#ruleSet = loaded.ruleSet;
    this.#files = loaded.files;
    // Looked at once more: a file may have been saved while it was read.
    this.#seen = '';
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /** The rules in force. */
  get ruleSet(): RuleSet {
    return this.#ruleSet;
  }

  /** Why the files as they are now are not in force; null when they are. */
  problem(): string | null {
    return this.#problem;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const state = stateOf(this.#files);
    if (state === this.#seen) {
      return;
    }
    // The state before reading: what is saved meanwhile is seen next time.
    this.#seen = state;
    const loaded = this.load();
    // Files that the new text includes are looked at too, also when it is refused.
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
    }
  }
}

/** Size, time of change and place on the disk of each file: what changes when one is saved. */
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
