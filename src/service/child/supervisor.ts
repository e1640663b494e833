import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import type { Logger } from 'pino';
import { SpacedCalls } from '../../timing/spaced-calls';
import { CHILD_PROCESSES, type ChildName } from '../processes';
import { fromChild, type AlertStart, type ChildStart, type FromChild, type Question, type ToChild } from './messages';

/** Answers go before runs: the child process gets the CPU time that the receiver leaves. */
const NICENESS = 10;
/** The child processes bound their own stops by less (worker-process.ts, dispatcher-process.ts). */
const STOP_WITHIN_MS = 19_000;
const FIRST_RESTART_AFTER_MS = 500;
const LONGEST_RESTART_AFTER_MS = 10_000;
/** After a process ran this long, the next restart is quick again. */
const STABLE_AFTER_MS = 60_000;
/** A process that sent nothing for this long counts as not running. */
const SILENT_AFTER_MS = 10_000;
/**
 * Temporal is asked for five seconds at most for each connection or part of one, a provider for ten at most; there are a
 * handful.
 */
const ANSWERED_WITHIN_MS = 30_000;
const LONGEST_ERROR = 300;
/** Under load there is a commit every few milliseconds, and the process reads all that waits when it is woken once. */
const WAKE_UP_PAUSE_MS = 10;

type StateMessage = Extract<FromChild, { type: 'state' }>;

/**
 * Keeps one child process running: restarts it when it ends, after 0.5 s at first, then less and less often, up to every
 * 10 s.
 *
 * Guarantees: at most one process at a time; none is left after {@link stop}. Not guaranteed: that the work under way
 * finishes. The next process, or Temporal, starts it again.
 */
export class ChildSupervisor {
  #child: ChildProcess | null = null;
  #isStopping = false;
  #restartAfterMs = FIRST_RESTART_AFTER_MS;
  #restartTimer: NodeJS.Timeout | undefined;
  #requests = 0;
  /** What waits for the answer to an `ask`, by its number. */
  readonly #asked = new Map<number, (answer: Extract<FromChild, { type: 'answer' }>) => void>();
  readonly #listeners: ((message: FromChild) => void)[] = [];
  #state: StateMessage | null = null;
  #metrics = '';
  #voipbinStandIn: string | null | undefined;
  #standInSettings: AlertStart['standIns'] = {};
  /** When the last message came; `performance.now()`. */
  #lastMessageAt = 0;
  #wakeUps = this.#newWakeUps();
  /** Why the running process says that it ends. */
  #lastError: string | null = null;
  /** Why the process before ended; null once the next one reports its state. */
  #failure: string | null = null;
  #restarts = 0;

  constructor(
    private readonly name: ChildName,
    private readonly argument: ChildStart,
    private readonly log: Logger,
  ) {}

  /** Starts the first process. Its failures are restarts, not errors. */
  start(): void {
    this.#fork();
  }

  /** Calls the listener for every message of every process. */
  onMessage(listener: (message: FromChild) => void): void {
    this.#listeners.push(listener);
  }

  /** Calls the listener once, when a process is ready for the first time. */
  onFirstReady(listener: (standIns: string[]) => void): void {
    let isCalled = false;
    this.onMessage((message) => {
      if (message.type === 'ready' && !isCalled) {
        isCalled = true;
        listener(message.stand_ins);
      }
    });
  }

  /** The state that the process reported last. Null while none runs, and after ten seconds without a message. */
  state(): StateMessage | null {
    return this.#silentForMs() > SILENT_AFTER_MS ? null : this.#state;
  }

  /** Why there is no {@link state}, for people; null while there is one. */
  problem(): string | null {
    if (this.state() !== null) {
      return null;
    }
    if (this.#failure !== null) {
      return this.#failure;
    }
    return this.#state === null
      ? 'it is starting'
      : `it has sent nothing for ${Math.round(this.#silentForMs() / 1_000)} s`;
  }

  /** The metrics that the process reported last, in Prometheus' text form. Empty while {@link state} is null. */
  metrics(): string {
    return this.state() === null ? '' : this.#metrics;
  }

  /** Where VoIPBIN's stand-in is; null when the process runs without one, undefined while it starts. */
  voipbinStandIn(): string | null | undefined {
    return this.#voipbinStandIn;
  }

  /** The settings that lead to its stand-ins, by connection; none while it does not run. */
  standInSettings(): AlertStart['standIns'] {
    return this.#standInSettings;
  }

  /** Restarts since {@link start}. */
  restarts(): number {
    return this.#restarts;
  }

  /** Tells the process that the inbox has new events, after the answers to them are written. */
  wake(): void {
    this.#wakeUps.want();
  }

  /**
   * Asks the process.
   * @returns its answer. @throws Error that says why there is none; after 30 s at most.
   */
  ask(question: Question): Promise<unknown> {
    this.#requests += 1;
    const request = this.#requests;
    if (this.#child?.connected !== true || this.problem() !== null) {
      return Promise.reject(new Error(`the ${this.name} process is not there: ${this.problem() ?? 'it is starting'}`));
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#asked.delete(request);
        reject(new Error(`the ${this.name} process does not answer`));
      }, ANSWERED_WITHIN_MS);
      this.#asked.set(request, ({ answer, problem }) => {
        clearTimeout(timer);
        this.#asked.delete(request);
        if (problem === null) {
          resolve(answer);
        } else {
          reject(new Error(problem));
        }
      });
      this.#send({ type: 'ask', request, question });
    });
  }

  /** Lets the process finish the work under way, and kills it after 19 s. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restartTimer);
    const child = this.#child;
    if (child === null) {
      return;
    }
    const exited = once(child, 'exit');
    this.#send({ type: 'stop' });
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await exited;
    clearTimeout(timer);
  }

  /** One at a time: they must not queue up before a process that hangs. */
  #newWakeUps(): SpacedCalls {
    return new SpacedCalls((sent) => this.#send({ type: 'wake' }, sent), WAKE_UP_PAUSE_MS);
  }

  #send(message: ToChild, onSent: () => void = () => undefined): void {
    if (this.#child?.connected === true) {
      this.#child.send(message, onSent);
    } else {
      onSent();
    }
  }

  #fork(): void {
    const startedAt = performance.now();
    const child = fork(CHILD_PROCESSES[this.name].file, [JSON.stringify(this.argument)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    this.#lastError = null;
    if (child.pid !== undefined) {
      lowerPriority(child.pid);
    }
    child.on('message', (raw) => {
      const message = fromChild.safeParse(raw);
      if (message.success) {
        this.#onMessage(message.data);
      }
    });
    const onEnd = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (this.#child === child) {
        this.#onEnd({ code, signal, ranMs: performance.now() - startedAt });
      }
    };
    child.on('exit', onEnd);
    child.on('error', (error) => {
      this.log.error({ error: error.name }, `the ${this.name} process reported an error`);
      // A process that could not be started has no exit event.
      if (child.pid === undefined) {
        onEnd(null, null);
      }
    });
  }

  #onEnd({ code, signal, ranMs }: { code: number | null; signal: NodeJS.Signals | null; ranMs: number }): void {
    this.#child = null;
    this.#state = null;
    this.#metrics = '';
    this.#voipbinStandIn = undefined;
    this.#standInSettings = {};
    // A message that was on its way may never be sent.
    this.#wakeUps = this.#newWakeUps();
    if (this.#isStopping) {
      return;
    }
    if (ranMs > STABLE_AFTER_MS) {
      this.#restartAfterMs = FIRST_RESTART_AFTER_MS;
    }
    this.log.error({ code, signal, again_in_ms: this.#restartAfterMs }, `the ${this.name} process ended; it restarts`);
    this.#failure = `it ended (${this.#lastError ?? signal ?? `exit code ${code}`}) and restarts`;
    this.#restartTimer = setTimeout(() => {
      this.#restarts += 1;
      this.#fork();
    }, this.#restartAfterMs);
    this.#restartAfterMs = Math.min(this.#restartAfterMs * 2, LONGEST_RESTART_AFTER_MS);
  }

  #onMessage(message: FromChild): void {
    this.#lastMessageAt = performance.now();
    if (message.type === 'failed') {
      this.#lastError = message.problem.slice(0, LONGEST_ERROR);
    } else if (message.type === 'state') {
      this.#state = message;
      if (this.#failure !== null) {
        this.log.info({ pid: this.#child?.pid }, `the ${this.name} process runs again`);
      }
      this.#failure = null;
    } else if (message.type === 'ready') {
      this.#voipbinStandIn = message.voipbin_stand_in;
      this.#standInSettings = message.stand_in_settings;
    } else if (message.type === 'metrics') {
      this.#metrics = message.text;
    } else if (message.type === 'answer') {
      this.#asked.get(message.request)?.(message);
    }
    for (const listener of this.#listeners) {
      listener(message);
    }
  }

  #silentForMs(): number {
    return performance.now() - this.#lastMessageAt;
  }
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, NICENESS);
  } catch {
    // Where this is not allowed, the process runs at the normal priority.
  }
}
