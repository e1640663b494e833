import { execFile } from 'node:child_process';
import { join } from 'node:path';

/** How a command ended. */
export interface Ended {
  code: number;
  out: string;
  err: string;
}

/**
 * Runs a `bridge` command in a process of its own, as the shell does. It sees no settings but those given here.
 *
 * @param options.cwd where it finds `config/`; also its data folder unless `env` names one.
 * @param options.input its standard input.
 * @param options.isUnread whether nobody reads its output, as after `| head`.
 */
export function runBridge(
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string>; input?: string; isUnread?: boolean },
): Promise<Ended> {
  const { cwd, env = {}, input = '', isUnread = false } = options;
  const script = ['-r', join(__dirname, '../run-typescript.cjs'), join(__dirname, '../../src/cli/bridge.ts'), ...args];
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      script,
      { env: { PATH: process.env['PATH'] ?? '', BRIDGE_DATA_DIR: cwd, ...env }, cwd },
      (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
    if (isUnread) {
      child.stdout?.destroy();
    }
    child.stdin?.end(input);
  });
}
