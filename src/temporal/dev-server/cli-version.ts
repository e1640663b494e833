import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { isNativeError } from 'node:util/types';
import coerce from 'semver/functions/coerce';
import gte from 'semver/functions/gte';

const run = promisify(execFile);

/** Older versions lack `--disable-config-file`, or contain a server that the bridge was not tested with. */
export const OLDEST_CLI = '1.5.0';
/** The server inside {@link OLDEST_CLI}. A CLI without a version of its own (a plain `go install`) is judged by it. */
const OLDEST_SERVER = '1.29.0';
/** macOS checks a program the first time it runs, which takes a while. */
const ANSWER_WITHIN_MS = 20_000;

/** The output of `temporal --version`: `temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)`. */
export interface CliVersion {
  /** `1.8.2`; `0.0.0-DEV` when it was built without a version. */
  version: string;
  /** The server inside: `1.31.2`. */
  server: string;
}

/**
 * Runs `<path> --version`.
 *
 * @throws Error whose message ends a sentence ("is ...", "could not ..."): the program cannot be run, does not answer
 *   within 20 s, or is another program.
 */
export async function readCliVersion(path: string): Promise<CliVersion> {
  const output = await run(path, ['--version'], { timeout: ANSWER_WITHIN_MS, windowsHide: true }).then(
    ({ stdout }) => stdout,
    (error: unknown) => {
      throw new Error(describeRunError(error));
    },
  );
  const [, version, server] = /^temporal version (\S+) \(server ([^,\s)]+)/im.exec(output) ?? [];
  if (version === undefined || server === undefined) {
    throw new Error('does not print the version of a Temporal CLI');
  }
  return { version, server };
}

/** Whether the bridge supports this version. */
export function isNewEnough({ version, server }: CliVersion): boolean {
  return isAtLeast(version, OLDEST_CLI) || (version.startsWith('0.0.0') && isAtLeast(server, OLDEST_SERVER));
}

/** Compares versions by their numbers only: `1.8` equals `1.8.0`, and pre-release tags do not count. */
export function isAtLeast(version: string, oldest: string): boolean {
  return gte(coerce(version) ?? '0.0.0', coerce(oldest) ?? '0.0.0');
}

function describeRunError(error: unknown): string {
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
