import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { isAtLeast } from './cli-version';

const run = promisify(execFile);

const BUILD_WITHIN_MS = 30 * 60_000;
const TELL_EVERY_MS = 10_000;
/**
 * From this version on, `go` fetches a newer toolchain by itself where a module asks for one (go.dev/doc/toolchain).
 */
const FETCHES_TOOLCHAINS = '1.21';
const KEPT_OUTPUT = 16_384;
const SHOWN_LINES = 15;

/**
 * Builds the CLI from the pinned module in `deploy/temporal-cli`: the version there, checked against its go.sum. Five
 * minutes on two cores the first time.
 *
 * @param target the file to write; complete only when this returns.
 * @throws Error with the reason in words: no Go, Go too old, what the build said last.
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
    throw new Error('there is no `go` on PATH');
  }
  const wanted = neededGo(folder);
  if (!isAtLeast(found, wanted) && !isAtLeast(found, FETCHES_TOOLCHAINS)) {
    throw new Error(`Go ${found} is too old: ${wanted} or newer is needed`);
  }
  const what = `Building Temporal's CLI ${options.version} with Go ${found}`;
  options.onProgress(`${what} (once; about five minutes on two cores) ...`);
  await build(folder, options, what);
}

/** The Go version that the pinned module asks for. */
export function neededGo(folder: string | null = moduleFolder()): string {
  const text = folder === null ? '' : readFileSync(join(folder, 'go.mod'), 'utf8');
  return /^go (\S+)$/m.exec(text)?.[1] ?? FETCHES_TOOLCHAINS;
}

/**
 * `deploy/temporal-cli` of this copy of the bridge, whether it runs from `src` or from `dist`; null when it is not
 * there.
 */
function moduleFolder(): string | null {
  for (let folder = __dirname; ; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file) && /"name":\s*"voipbin-bridge"/.test(readFileSync(file, 'utf8'))) {
      const module = join(folder, 'deploy', 'temporal-cli');
      return existsSync(join(module, 'go.sum')) ? module : null;
    }
    if (folder === dirname(folder)) {
      return null;
    }
  }
}

/**
 * The version of the `go` on PATH itself, whatever the folder's module asks for; null when there is none that works.
 */
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
  // A go.work above this folder would take the module over.
  const env = { ...options.env, CGO_ENABLED: '0', GOWORK: 'off' };
  const began = Date.now();
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
    const ticking = setInterval(
      () => options.onProgress(`${what} ... ${Math.round((Date.now() - began) / 1_000)} s`),
      TELL_EVERY_MS,
    );
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, BUILD_WITHIN_MS);
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const finish = (problem: string | null): void => {
      clearInterval(ticking);
      clearTimeout(timer);
      if (problem === null) {
        resolve();
      } else {
        reject(new Error(problem));
      }
    };
    child.on('error', (error) => finish(`go could not be started: ${error.message}`));
    child.on('exit', (code, signal) => {
      // Not 'close': what go itself started may hold the pipes open for longer than the bound.
      child.stdout.destroy();
      child.stderr.destroy();
      if (code === 0) {
        finish(null);
      } else if (late) {
        finish(`the build was given up after ${BUILD_WITHIN_MS / 60_000} minutes`);
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
