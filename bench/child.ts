import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/**
 * A part of the benchmark in a process of its own: it says where it is once it is ready, and ends when told or when the
 * benchmark ends.
 */
export interface Part {
  pid: number;
  /** What it said of itself; for servers the address. */
  url: string;
  stop(): Promise<void>;
}

/** Starts `bench/<script>.js` with one argument that it reads by {@link argument}. */
export async function startPart(script: string, options: unknown): Promise<Part> {
  const child = fork(join(__dirname, `${script}.js`), [JSON.stringify(options)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const url = await firstMessage(child, script);
  return {
    pid: child.pid ?? 0,
    url,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, 'exit');
        child.disconnect();
        const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
        await gone;
        clearTimeout(timer);
      }
    },
  };
}

function firstMessage(child: ChildProcess, script: string): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(typeof message === 'string' ? message : ''));
    child.once('exit', (code) => reject(new Error(`${script} ended before it was ready (exit code ${code})`)));
    child.once('error', reject);
  });
}

/** In the part's process: what it was started with. */
export function argument(): unknown {
  return JSON.parse(process.argv[2] ?? 'null');
}

/** In the part's process: says where it is. It ends when the benchmark is gone or lets it go. */
export function ready(url: string, end: () => Promise<void> | void): void {
  process.on('SIGINT', () => undefined);
  process.once('disconnect', () => void Promise.resolve(end()).finally(() => process.exit(0)));
  process.send?.(url);
}
