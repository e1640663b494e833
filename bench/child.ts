import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/**
 * A part of the benchmark in its own process. It reports its address when it is ready, and ends when asked or when the
 * benchmark ends.
 */
export interface Part {
  pid: number;
  /** What it reported; the address of a server. */
  url: string;
  stop(): Promise<void>;
}

/** Starts `bench/<script>.js` with one argument, which it reads with {@link argument}. */
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
    child.once('exit', (code) => reject(new Error(`${script} exited before it was ready (code ${code})`)));
    child.once('error', reject);
  });
}

/** In the part's process: its argument. */
export function argument(): unknown {
  return JSON.parse(process.argv[2] ?? 'null');
}

/** In the part's process: reports its address. The process ends when the benchmark disconnects or dies. */
export function ready(url: string, end: () => Promise<void> | void): void {
  process.on('SIGINT', () => undefined);
  process.once('disconnect', () => void Promise.resolve(end()).finally(() => process.exit(0)));
  process.send?.(url);
}
