import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { isNativeError } from 'node:util/types';

const run = promisify(execFile);

/** Older ones lack `--disable-config-file` or the server that this was tested with. */
export const OLDEST_CLI = '1.5.0';
/**
 * The server inside {@link OLDEST_CLI}: what a CLI without a version of its own (a plain `go install`) is judged by.
 */
const OLDEST_SERVER = '1.29.0';
/** macOS checks a program the first time it runs, which takes a while. */
const ANSWER_WITHIN_MS = 20_000;

/** What `temporal --version` says: `temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)`. */
export interface CliVersion {
  /** `1.8.2`; `0.0.0-DEV` when it was built without one. */
  version: string;
  /** The server inside: `1.31.2`. */
  server: string;
}

/**
 * Runs `<path> --version`.
 *
 * @throws Error with a reason in words when it cannot be run, does not answer within 20 s, or is some other program.
 */
export async function readCliVersion(path: string): Promise<CliVersion> {
  const output = await run(path, ['--version'], { timeout: ANSWER_WITHIN_MS, windowsHide: true }).then(
    ({ stdout }) => stdout,
    (error: unknown) => {
      throw new Error(whyNotRun(error));
    },
  );
  const [, version, server] = /^temporal version (\S+) \(server ([^,\s)]+)/im.exec(output) ?? [];
  if (version === undefined || server === undefined) {
    throw new Error('does not say which version of the Temporal CLI it is');
  }
  return { version, server };
}

/** Whether the bridge can use it. */
export function isNewEnough({ version, server }: CliVersion): boolean {
  return isAtLeast(version, OLDEST_CLI) || (version.startsWith('0.0.0') && isAtLeast(server, OLDEST_SERVER));
}

/** Compares dotted versions by their first three numbers; what follows a hyphen does not count. */
export function isAtLeast(version: string, oldest: string): boolean {
  const [one, other] = [numbersOf(version), numbersOf(oldest)];
  for (let place = 0; place < 3; place += 1) {
    const difference = (one[place] ?? 0) - (other[place] ?? 0);
    if (difference !== 0) {
      return difference > 0;
    }
  }
  return true;
}

function numbersOf(version: string): number[] {
  return (/^\d+(?:\.\d+){0,2}/.exec(version)?.[0] ?? '0').split('.').map(Number);
}

function whyNotRun(error: unknown): string {
  if (!isNativeError(error)) {
    return 'could not be run';
  }
  if ('killed' in error && error.killed === true) {
    return `did not answer --version within ${ANSWER_WITHIN_MS / 1_000} s`;
  }
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'string'
    ? `could not be run (${code})`
    : `fails on --version${typeof code === 'number' ? ` (exit code ${code})` : ''}`;
}
