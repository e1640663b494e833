import { eventually } from '../../bench/clock';
import { childrenOf } from '../../bench/processes';
import { runningServer } from '../../src/temporal/dev-server/pid-file';
import { RunningBridge, type BridgeOptions } from '../e2e/running-bridge';
import { freePort } from '../net/free-port';
import type { Random } from './random';

/** What can be killed. `all`: the bridge, its worker and its embedded Temporal server at one moment. */
export type Victim = 'bridge' | 'worker' | 'temporal' | 'all';

/** How a bridge is started, and started again. */
export interface SupervisedOptions extends Omit<BridgeOptions, 'dataDir'> {
  dataDir: string;
  /** What it prints when it has started: /^Ready/m unless said otherwise, which comes when the worker runs, too. */
  readyWhen?: RegExp;
}

const STARTED_AGAIN_AFTER_MS = 100;
const NEXT_WITHIN_MS = 10_000;

/**
 * A bridge with a supervisor: whenever it ends it is started again, on the same ports and data folder.
 */
export class SupervisedBridge {
  #bridge: RunningBridge;
  /** Whether it is left alone when it ends. */
  #held = false;
  #supervision: Promise<void>;
  /** How often it was started again. */
  restarts = 0;
  /** The output of earlier ones. */
  #earlier = '';

  private constructor(private readonly options: SupervisedOptions) {
    this.#bridge = RunningBridge.start(options);
    this.#supervision = this.#supervise();
  }

  /** Starts one and waits until it has. */
  static async start(random: Random, options: SupervisedOptions): Promise<SupervisedBridge> {
    const env = {
      PORT: String(await freePort((least, most) => random.whole(least, most))),
      BRIDGE_ADMIN_PORT: String(await freePort((least, most) => random.whole(least, most))),
      ...options.env,
    };
    const supervised = new SupervisedBridge({ ...options, env });
    try {
      await supervised.ready();
    } catch (error) {
      await supervised.end();
      throw error;
    }
    return supervised;
  }

  /** Until the present one has started. */
  async ready(): Promise<void> {
    await this.#bridge.printed(this.options.readyWhen ?? /^Ready/m);
  }

  get webhook(): string {
    return `http://127.0.0.1:${this.options.env?.['PORT'] ?? ''}/voipbin/webhook`;
  }

  get admin(): string {
    return `http://127.0.0.1:${this.options.env?.['BRIDGE_ADMIN_PORT'] ?? ''}`;
  }

  /** The bridge that runs now, or ran last. */
  get current(): RunningBridge {
    return this.#bridge;
  }

  /** The output of all its bridges so far. */
  get output(): string {
    return this.#earlier + this.#bridge.output;
  }

  /** Kills, with SIGKILL. Who is not there at the moment is left out. @returns how many processes it were. */
  kill(victim: Victim): number {
    const bridge = this.#bridge.process.pid ?? 0;
    const worker = victim === 'worker' || victim === 'all' ? childrenOf(bridge, 'worker-main') : [];
    const server = victim === 'temporal' || victim === 'all' ? runningServer(this.options.dataDir) : null;
    const pids = [
      ...(victim === 'bridge' || victim === 'all' ? [bridge] : []),
      ...worker,
      ...(server === null ? [] : [server.pid]),
    ];
    return pids.filter(killed).length;
  }

  /** Tells it to end and waits until it has and the next one is being started. @returns its exit code. */
  async restart(signal: NodeJS.Signals): Promise<number | null> {
    const before = this.#bridge;
    before.process.kill(signal);
    const code = await before.ended();
    await eventually(
      'the next bridge is started',
      () => (this.#bridge === before ? null : this.#bridge),
      NEXT_WITHIN_MS,
    );
    return code;
  }

  /** Tells it to end and waits until it has; it stays so until {@link startAgain}. @returns its exit code. */
  async stop(signal: NodeJS.Signals): Promise<number | null> {
    this.#held = true;
    this.#bridge.process.kill(signal);
    const code = await this.#bridge.ended();
    await this.#supervision;
    return code;
  }

  /** Starts it after {@link stop}, and waits until it has. */
  async startAgain(): Promise<void> {
    this.#held = false;
    await this.#startNext();
    this.#supervision = this.#supervise();
    await this.ready();
  }

  /** Tries to start it after {@link stop}, where it should refuse. @returns how it ended and what it printed. */
  async refuseToStart(): Promise<{ code: number | null; output: string }> {
    await this.#startNext();
    const code = await this.#bridge.ended();
    return { code, output: this.#bridge.output };
  }

  /** Ends it for good, and what it left behind. @returns its exit code. */
  async end(): Promise<number | null> {
    this.#held = true;
    const code = await this.#bridge.stop();
    await this.#supervision;
    await this.#bridge.remove();
    const left = runningServer(this.options.dataDir);
    if (left !== null) {
      killed(left.pid);
    }
    return code;
  }

  async #supervise(): Promise<void> {
    for (;;) {
      await this.#bridge.ended();
      await new Promise((resolve) => setTimeout(resolve, STARTED_AGAIN_AFTER_MS));
      if (this.#held) {
        return;
      }
      this.restarts += 1;
      await this.#startNext();
    }
  }

  async #startNext(): Promise<void> {
    this.#earlier += this.#bridge.output;
    await this.#bridge.remove();
    this.#bridge = RunningBridge.start(this.options);
  }
}

function killed(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    // It has just ended by itself.
    return false;
  }
}
