import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InboxReader } from '../src/inbox/archive/reader';
import { runningServer } from '../src/temporal/dev-server/pid-file';
import { eventually } from './clock';
import { eventIdOf, SECRET, type BenchEvent } from './events';
import { childrenOf } from './processes';
import type { Program } from './program';

const ROOT = join(__dirname, '..', '..', '..');
const READY_WITHIN_MS = 120_000;
const STOP_WITHIN_MS = 60_000;
/** Settings in the environment that must not reach the bridge. */
const SETTINGS = /^(BRIDGE_|VOIPBIN_|HUBSPOT_|SLACK_|SMTP_|MAIL_|TEMPORAL_|PORT$)/;

/** How a bridge is started. */
export interface BridgeOptions {
  /**
   * `all`: everything. `receiver`: the receiver alone, with an unreachable Temporal, so that no runs are started.
   */
  mode: 'all' | 'receiver';
  /** Text of the rule file. */
  rules: string;
  /** More lines of the settings file. */
  settings?: string;
  /** Options of Node itself, for profiles. */
  nodeOptions?: readonly string[];
}

/** A bridge as users run it, in its own processes and with its own data folder. */
export class BridgeProcess implements Program {
  readonly name = 'bridge';
  #output = '';

  private constructor(
    private readonly child: ChildProcess,
    readonly folder: string,
  ) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    }
  }

  /** Starts a bridge and waits until it is ready. */
  static async start({ mode, rules, settings = '', nodeOptions = [] }: BridgeOptions): Promise<BridgeProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'bridge-bench-'));
    writeFileSync(join(folder, 'bridge.yaml'), `temporal: { port: 0, ui_port: 0 }\n${settings}`);
    writeFileSync(join(folder, 'rules.yaml'), rules);
    const env: NodeJS.ProcessEnv = {
      ...Object.fromEntries(
        Object.entries(process.env).filter(([name]) => !SETTINGS.test(name) || name === 'TEMPORAL_CLI_PATH'),
      ),
      BRIDGE_CONFIG: join(folder, 'bridge.yaml'),
      BRIDGE_DATA_DIR: join(folder, 'data'),
      BRIDGE_RULES: join(folder, 'rules.yaml'),
      BRIDGE_HOST: '127.0.0.1',
      PORT: '0',
      BRIDGE_ADMIN_PORT: '0',
      BRIDGE_HTTP_ALLOW: '127.0.0.1',
      VOIPBIN_WEBHOOK_SECRET: SECRET,
      // Nothing listens on port 1: connections are refused at once.
      ...(mode === 'receiver' ? { TEMPORAL_ADDRESS: '127.0.0.1:1' } : {}),
    };
    const program = join(ROOT, 'src', 'setup', 'bridge.mjs');
    const child = spawn(process.execPath, [...nodeOptions, program, 'start', '--mode', mode], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const end = (): void => void child.kill('SIGTERM');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    const bridge = new BridgeProcess(child, folder);
    const wanted = mode === 'all' ? /^Ready/m : /^Temporal /m;
    try {
      await eventually('the bridge was ready', () => bridge.#look(wanted), READY_WITHIN_MS);
    } catch (error) {
      await bridge.remove();
      throw new Error(
        `${error instanceof Error ? error.message : 'unknown'}; the bridge printed:\n${bridge.#output.slice(-3_000)}`,
      );
    }
    return bridge;
  }

  get webhook(): string {
    return this.#found(/^Webhook\s+(\S+)/m);
  }

  /** The current sum of a metric over all its labels. */
  async metric(name: string): Promise<number> {
    const admin = this.#found(/^Admin\s+(http:\/\/[^/\s]+)/m);
    const lines = (await (await fetch(`${admin}/metrics`)).text()).split('\n');
    return lines
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  /** `host:port` of its Temporal dev server. */
  get temporal(): string {
    return this.#found(/^Temporal\s+([\w.:]+)/m);
  }

  /** The running processes by name. */
  pids(): Record<string, number> {
    const receiver = this.child.pid ?? 0;
    const [worker] = childrenOf(receiver, 'worker-main');
    const server = runningServer(this.dataDir);
    return {
      receiver,
      ...(worker === undefined ? {} : { worker }),
      ...(server === null ? {} : { temporal: server.pid }),
    };
  }

  get dataDir(): string {
    return join(this.folder, 'data');
  }

  /** How many of these events its inbox does not have. */
  missing(events: readonly BenchEvent[]): number {
    const reader = InboxReader.open(this.dataDir);
    try {
      return events.filter((event) => !reader.has(eventIdOf(event))).length;
    } finally {
      reader.close();
    }
  }

  /** Stops it like Ctrl-C. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const gone = once(this.child, 'exit');
      this.child.kill('SIGINT');
      const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_WITHIN_MS);
      await gone;
      clearTimeout(timer);
    }
  }

  /** Stops it and deletes its folder. */
  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #look(pattern: RegExp): true | null {
    if (this.child.exitCode !== null) {
      throw new Error(`it exited with code ${this.child.exitCode}`);
    }
    return pattern.test(this.#output) ? true : null;
  }

  #found(pattern: RegExp): string {
    const [, found] = pattern.exec(this.#output) ?? [];
    if (found === undefined) {
      throw new Error(`the bridge did not print ${pattern}:\n${this.#output.slice(-3_000)}`);
    }
    return found;
  }
}

/** The benchmark's rule: writes inbound calls into the CRM, with one request. */
export function ruleFor(crm: string): string {
  return `version: 1
rules:
  - name: log-calls
    on: call_hungup
    when: { direction: inbound }
    do:
      - http.request:
          method: POST
          url: ${crm}/crm/v3/objects/calls
          headers: { Idempotency-Key: "" }
          body:
            properties:
              bench_id: "{{ id }}"
              hs_call_title: "Call with {{ peer.number | default: 'an unknown number' }}"
              hs_timestamp: "{{ occurred_at }}"
              hs_call_body: "Ended: {{ reason | default: 'unknown' }}"
`;
}
