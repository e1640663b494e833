import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { fromChild, type ChildName, type ChildStart, type FromChild, type ToChild } from './messages';

/** Acks go before runs: the child takes the processor when the receiver leaves it. */
const NICENESS = 10;
/** The children bound their own stops by less (worker-process.ts, dispatcher-process.ts). */
const STOP_WITHIN_MS = 19_000;
const RESTART_FIRST_MS = 500;
const RESTART_LONGEST_MS = 10_000;
/** One that ran this long had started well: the next restart is quick again. */
const RAN_WELL_MS = 60_000;
const SILENT_MS = 10_000;
const LONGEST_PROBLEM = 300;

/**
 * Keeps one child process running: starts it again when it ends, at once at first, then less often (up to every 10 s).
 * What it was doing is not lost: Temporal gives it to the next one, or it is started again.
 */
export class ChildSupervisor {
  #child: ChildProcess | null = null;
  #stopping = false;
  #restart = RESTART_FIRST_MS;
  #timer: NodeJS.Timeout | undefined;
  #listeners: ((message: FromChild) => void)[] = [];
  /** The latest of each kind that only the latest matters of. */
  #state: Extract<FromChild, { type: 'state' }> | null = null;
  #metrics = '';
  /** When it was heard last; `performance.now()`. */
  #heardAt = 0;
  #waking = false;
  /** What the running one said of its end. */
  #farewell: string | null = null;
  /** That the one before ended, and why; null once the next one is heard. */
  #failure: string | null = null;
  #restarts = 0;

  constructor(
    private readonly name: ChildName,
    private readonly start: ChildStart,
    private readonly log: Logger,
  ) {}

  /** Starts the first one. */
  run(): void {
    this.#fork();
  }

  /** Hears every message of every child process. */
  onMessage(listener: (message: FromChild) => void): void {
    this.#listeners.push(listener);
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Null while none runs, and when it has been silent for ten seconds. */
  state(): Extract<FromChild, { type: 'state' }> | null {
    return this.#isSilent() ? null : this.#state;
  }

  /** Why there is no {@link state}, for people. */
  problem(): string | null {
    if (this.state() !== null) {
      return null;
    }
    if (this.#failure !== null) {
      return this.#failure;
    }
    return this.#state !== null
      ? `it has said nothing for ${Math.round((performance.now() - this.#heardAt) / 1_000)} s`
      : 'it is being started';
  }

  /**
   * Its metrics in Prometheus' text form; empty while {@link state} is null: what a dead or silent process told last is
   * not how things are.
   */
  metrics(): string {
    return this.state() === null ? '' : this.#metrics;
  }

  /** How often it was started again. */
  restarts(): number {
    return this.#restarts;
  }

  /** Tells it that the inbox has something new. */
  wake(): void {
    // One at a time: one that hangs must not have a queue of them.
    if (this.#waking || this.#child?.connected !== true) {
      return;
    }
    this.#waking = true;
    const message: ToChild = { type: 'wake' };
    this.#child.send(message, () => {
      this.#waking = false;
    });
  }

  /** Lets it finish what is under way, and ends it when that takes too long. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === null) {
      return;
    }
    const exited = once(child, 'exit');
    this.#tell({ type: 'stop' });
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await exited;
    clearTimeout(timer);
  }

  #tell(message: ToChild): void {
    if (this.#child?.connected === true) {
      this.#child.send(message, () => undefined);
    }
  }

  #fork(): void {
    const began = performance.now();
    const child = fork(join(__dirname, `${this.name}-main.js`), [JSON.stringify(this.start)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    this.#farewell = null;
    if (child.pid !== undefined) {
      lowerPriority(child.pid);
    }
    child.on('message', (raw) => {
      const message = fromChild.safeParse(raw);
      if (message.success) {
        this.#heard(message.data);
      }
    });
    const gone = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (this.#child !== child) {
        return;
      }
      this.#child = null;
      this.#state = null;
      this.#metrics = '';
      this.#waking = false;
      if (this.#stopping) {
        return;
      }
      if (performance.now() - began > RAN_WELL_MS) {
        this.#restart = RESTART_FIRST_MS;
      }
      this.log.error(
        { code, signal, again_in_ms: this.#restart },
        `the ${this.name} process ended; it is started again`,
      );
      this.#failure = `it ended (${this.#farewell ?? signal ?? `exit code ${code}`}) and is started again`;
      this.#timer = setTimeout(() => {
        this.#restarts += 1;
        this.#fork();
      }, this.#restart);
      this.#restart = Math.min(this.#restart * 2, RESTART_LONGEST_MS);
    };
    child.on('exit', gone);
    // A process that could not be started has no exit.
    child.on('error', (error) => {
      this.log.error({ error: error.name }, `trouble with the ${this.name} process`);
      if (child.pid === undefined) {
        gone(null, null);
      }
    });
  }

  #isSilent(): boolean {
    return performance.now() - this.#heardAt > SILENT_MS;
  }

  #heard(message: FromChild): void {
    this.#heardAt = performance.now();
    if (message.type === 'failed') {
      this.#farewell = message.problem.slice(0, LONGEST_PROBLEM);
    } else if (message.type === 'state') {
      this.#state = message;
      if (this.#failure !== null) {
        this.log.info({ pid: this.pid }, `the ${this.name} process runs again`);
      }
      this.#failure = null;
    } else if (message.type === 'metrics') {
      this.#metrics = message.text;
    }
    for (const listener of this.#listeners) {
      listener(message);
    }
  }
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, NICENESS);
  } catch {
    // Not allowed here: then it runs as it is.
  }
}
