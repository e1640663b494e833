import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../setup/package-root';
import { isAtLeast } from './cli-version';

const run = promisify(execFile);

const BUILD_WITHIN_MS = 30 * 60_000;
const REPORT_EVERY_MS = 10_000;
/** The first Go that downloads a newer toolchain when a module needs one (go.dev/doc/toolchain). */
const FETCHES_TOOLCHAINS = '1.21';
const KEPT_OUTPUT_CHARS = 16_384;
const SHOWN_LINES = 15;

/**
 * Builds the CLI from the pinned module in `deploy/temporal-cli`, checked against its go.sum. The first build takes
 * five minutes on two cores.
 *
 * @param options.target the file to write; complete only when this returns.
 * @throws Error whose message says why: no Go, Go too old, or the last lines of the build's output.
 */
export async function buildCli(options: {
  env: NodeJS.ProcessEnv;
  version: string;
  target: string;
  onProgress: (line: string) => void;
}): Promise<void> {
  const folder = moduleFolder();
  if (folder === null) {
    throw new Error('deploy/temporal-cli is missing from this copy of the bridge');
  }
  const found = await goVersion(options.env);
  if (found === null) {
    throw new Error('`go` is not on PATH');
  }
  const required = requiredGo(folder);
  if (!isAtLeast(found, required) && !isAtLeast(found, FETCHES_TOOLCHAINS)) {
    throw new Error(`Go ${found} is too old: ${required} or newer is required`);
  }
  const what = `Building Temporal's CLI ${options.version} with Go ${found}`;
  options.onProgress(`${what} (once; about five minutes on two cores) ...`);
  await build(folder, options, what);
}

/** The Go version that the pinned module requires. */
export function requiredGo(folder: string | null = moduleFolder()): string {
  const text = folder === null ? '' : readFileSync(join(folder, 'go.mod'), 'utf8');
  return /^go (\S+)$/m.exec(text)?.[1] ?? FETCHES_TOOLCHAINS;
}

/** `deploy/temporal-cli` of this copy of the bridge; null when it is missing. */
function moduleFolder(): string | null {
  const folder = join(packageRoot(), 'deploy', 'temporal-cli');
  return existsSync(join(folder, 'go.sum')) ? folder : null;
}

/** The version of the `go` on PATH itself, not of a toolchain that it would download; null when none works. */
async function goVersion(env: NodeJS.ProcessEnv): Promise<string | null> {
  try {
    const { stdout } = await run('go', ['version'], {
      cwd: tmpdir(),
      env: { ...env, GOTOOLCHAIN: 'local' },
      timeout: 30_000,
      windowsHide: true,
    });
    return /go version go(\d+\.\d+(?:\.\d+)?)/.exec(stdout)?.[1] ?? null;
  } catch {
    return null;
  }
}

function build(
  folder: string,
  options: { env: NodeJS.ProcessEnv; version: string; target: string; onProgress: (line: string) => void },
  what: string,
): Promise<void> {
  const symbol = 'github.com/temporalio/cli/internal/temporalcli.Version';
  const args = [
    'build',
    '-mod=readonly',
    '-trimpath',
    '-ldflags',
    `-s -w -X ${symbol}=${options.version}`,
    '-o',
    options.target,
    'github.com/temporalio/cli/cmd/temporal',
  ];
  // A go.work in a folder above would include this module.
  const env = { ...options.env, CGO_ENABLED: '0', GOWORK: 'off' };
  const began = Date.now();
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
    const ticking = setInterval(
      () => options.onProgress(`${what} ... ${Math.round((Date.now() - began) / 1_000)} s`),
      REPORT_EVERY_MS,
    );
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, BUILD_WITHIN_MS);
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-KEPT_OUTPUT_CHARS);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const finish = (failure: string | null): void => {
      clearInterval(ticking);
      clearTimeout(timer);
      if (failure === null) {
        resolve();
      } else {
        reject(new Error(failure));
      }
    };
    child.on('error', (error) => finish(`go could not be started: ${error.message}`));
    child.on('exit', (code, signal) => {
      // Not 'close': processes that go started may keep the pipes open beyond the time limit.
      child.stdout.destroy();
      child.stderr.destroy();
      if (code === 0) {
        finish(null);
      } else if (timedOut) {
        finish(`the build was cancelled after ${BUILD_WITHIN_MS / 60_000} minutes`);
      } else {
        finish(`the build failed (${signal ?? `exit code ${code}`}):\n${lastLines(output)}`);
      }
    });
  });
}

function lastLines(output: string): string {
  return output
    .trimEnd()
    .split('\n')
    .slice(-SHOWN_LINES)
    .map((line) => `      ${line}`)
    .join('\n');
}
