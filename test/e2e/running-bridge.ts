import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');
const READY_WITHIN_MS = 90_000;
const STOP_WITHIN_MS = 40_000;

/** How a bridge is started for a test. */
export interface BridgeOptions {
  /** Environment on top of this process'. */
  env?: Record<string, string>;
  /** Kept when given; else a temporary folder, removed with the bridge. */
  dataDir?: string;
  /** Text of the rule file; the shipped one when not given. */
  rules?: string;
  args?: string[];
}

/** A bridge in its own process, started as users start it. */
export class RunningBridge {
  output = '';
  #listeners = new Set<() => void>();

  private constructor(
    readonly process: ChildProcess,
    readonly dataDir: string,
    readonly env: NodeJS.ProcessEnv,
    private readonly temporary: string,
  ) {
    for (const stream of [process.stdout, process.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
        for (const listener of this.#listeners) {
          listener();
        }
      });
    }
    process.on('exit', () => this.#listeners.forEach((listener) => listener()));
  }

  /** Starts a bridge on free ports, without waiting for anything. */
  static start(options: BridgeOptions = {}): RunningBridge {
    const temporary = mkdtempSync(join(tmpdir(), 'bridge-e2e-'));
    const dataDir = options.dataDir ?? join(temporary, 'data');
    const config = join(temporary, 'bridge.yaml');
    writeFileSync(config, 'temporal: { port: 0, ui_port: 0 }\n');
    const rules = join(temporary, 'rules.yaml');
    if (options.rules !== undefined) {
      writeFileSync(rules, options.rules);
    }
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      BRIDGE_CONFIG: config,
      BRIDGE_DATA_DIR: dataDir,
      BRIDGE_RULES: options.rules === undefined ? join(ROOT, 'config', 'rules.yaml') : rules,
      BRIDGE_HOST: '127.0.0.1',
      PORT: '0',
      BRIDGE_ADMIN_PORT: '0',
      ...options.env,
    };
    const child = spawn(
      process.execPath,
      [join(ROOT, 'src', 'setup', 'bridge.mjs'), 'start', ...(options.args ?? [])],
      { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
    );
    return new RunningBridge(child, dataDir, env, temporary);
  }

  /** Starts a bridge and waits until it prints that it is ready. */
  static async ready(options: BridgeOptions = {}): Promise<RunningBridge> {
    const bridge = RunningBridge.start(options);
    await bridge.printed(/^Ready/m);
    return bridge;
  }

  /** Waits until the output matches. Throws when the bridge ends first, or takes too long. */
  async printed(pattern: RegExp, withinMs = READY_WITHIN_MS): Promise<RegExpExecArray> {
    return this.until(`it prints ${pattern}`, () => pattern.exec(this.output), withinMs);
  }

  get webhook(): string {
    return this.#found(/Webhook\s+(\S+)/);
  }

  get admin(): string {
    return this.#found(/Admin\s+(http:\/\/[^/\s]+)/);
  }

  /** Runs a command of the program against this bridge's data and settings. */
  async run(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
    // The port was chosen at random, so that only this object knows it.
    const where = args[0] === 'send' ? ['--url', this.webhook] : [];
    // The program itself: starting the bridge has made sure that it is built.
    const child = spawn(process.execPath, [join(ROOT, 'dist', 'src', 'cli', 'bridge.js'), ...args, ...where], {
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    await once(child, 'close');
    return { code: child.exitCode, stdout, stderr };
  }

  /** Posts a body to the webhook as VoIPBIN does. */
  async post(
    event: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; answer: { status?: string; id?: string } }> {
    const response = await fetch(this.webhook, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(event),
    });
    return { status: response.status, answer: (await response.json()) as { status?: string; id?: string } };
  }

  /** Calls `look` until it gives a value. @throws after `withinMs`, or when the bridge has ended. */
  async eventually<Value>(
    what: string,
    look: () => Promise<Value | null> | Value | null,
    withinMs = 90_000,
  ): Promise<Value> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const found = await look();
      if (found !== null) {
        return found;
      }
      if (Date.now() > deadline || this.process.exitCode !== null || this.process.signalCode !== null) {
        throw new Error(`timed out waiting until ${what}; the bridge printed:\n${this.output.slice(-4_000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Sends SIGINT, as Ctrl-C does, and waits for the end. */
  async stop(): Promise<number | null> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const gone = once(this.process, 'exit');
      this.process.kill('SIGINT');
      const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_WITHIN_MS);
      await gone;
      clearTimeout(timer);
    }
    return this.process.exitCode;
  }

  /** Waits for it to end by itself, and gives its exit code. */
  async ended(): Promise<number | null> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      await once(this.process, 'exit');
    }
    return this.process.exitCode;
  }

  /** Kills the bridge's own process, and nothing else, as the system would. */
  async kill(): Promise<void> {
    const gone = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await gone;
  }

  /** Stops it and removes what it left. */
  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.temporary, { recursive: true, force: true, maxRetries: 5 });
  }

  async until<Value>(what: string, look: () => Value | null, withinMs: number): Promise<Value> {
    return new Promise((resolve, reject) => {
      const done = (end: () => void): void => {
        clearTimeout(timer);
        this.#listeners.delete(check);
        end();
      };
      const check = (): void => {
        const found = look();
        if (found !== null) {
          done(() => resolve(found));
        } else if (this.process.exitCode !== null || this.process.signalCode !== null) {
          done(() => reject(new Error(`the bridge ended before ${what}:\n${this.output}`)));
        }
      };
      const timer = setTimeout(
        () => done(() => reject(new Error(`timed out waiting until ${what}:\n${this.output}`))),
        withinMs,
      );
      this.#listeners.add(check);
      check();
    });
  }

  #found(pattern: RegExp): string {
    const [, found] = pattern.exec(this.output) ?? [];
    if (found === undefined) {
      throw new Error(`the bridge did not print ${pattern}:\n${this.output}`);
    }
    return found;
  }
}
