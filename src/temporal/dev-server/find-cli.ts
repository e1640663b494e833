import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { isNativeError } from 'node:util/types';
import { buildCli, neededGo } from './build-cli';
import { archiveUrl, DOWNLOAD_HOST, downloadCli } from './download-cli';
import { isNewEnough, OLDEST_CLI, readCliVersion } from './cli-version';

/** The version that the bridge fetches or builds; deploy/temporal-cli/go.mod pins the same. */
export const PINNED_CLI = '1.8.2';

const PROGRAM = process.platform === 'win32' ? 'temporal.exe' : 'temporal';
/** What an interrupted download or build left behind is removed after this long: longer than any of them may take. */
const LEFTOVER_AFTER_MS = 2 * 60 * 60_000;

/** Where a CLI came from. */
export type CliSource = 'TEMPORAL_CLI_PATH' | 'PATH' | 'cache' | 'download' | 'build';

/** A CLI that has been run and is new enough. */
export interface TemporalCli {
  /** Absolute. */
  path: string;
  /** `1.8.2`. */
  version: string;
  source: CliSource;
}

/** One way that was tried, and why it did not work. */
export interface TriedWay {
  way: string;
  why: string;
}

/** TEMPORAL_CLI_PATH names something that cannot be used. No other way is tried then: the operator chose this one. */
export class TemporalCliPathRefused extends Error {
  override readonly name = 'TemporalCliPathRefused';

  constructor(path: string, why: string) {
    super(
      `TEMPORAL_CLI_PATH is ${path}, which ${why}: name the program \`temporal\`, ${OLDEST_CLI} or newer, or leave the setting out so that the bridge looks for it itself`,
    );
  }
}

/** No way led to a Temporal CLI. The message lists every way with its reason, and everything that would help. */
export class TemporalCliNotFound extends Error {
  override readonly name = 'TemporalCliNotFound';

  constructor(readonly tried: readonly TriedWay[]) {
    super(
      [
        `The bridge found no Temporal server to run (the program \`temporal\`, ${OLDEST_CLI} or newer). Tried:`,
        ...tried.map(({ way, why }) => `  - ${way}: ${why}`),
        'Any one of these helps:',
        '  - Homebrew (macOS, Linux): brew install temporal',
        `  - download ${archiveUrl(DOWNLOAD_HOST, 'latest') ?? DOWNLOAD_HOST} (other machines: https://docs.temporal.io/cli), unpack it, and put \`temporal\` on PATH or its path into TEMPORAL_CLI_PATH`,
        '  - use a Temporal server that runs elsewhere and set TEMPORAL_ADDRESS: your own, Temporal Cloud, or Docker',
        '    (docker run --rm -p 7233:7233 -p 8233:8233 temporalio/temporal server start-dev --ip 0.0.0.0, then TEMPORAL_ADDRESS=127.0.0.1:7233)',
        `  - install Go ${neededGo()} or newer (https://go.dev/dl): the bridge then builds it, once, in about five minutes`,
      ].join('\n'),
    );
  }
}

/** The bridge's own cache: `$XDG_CACHE_HOME/voipbin-bridge`, else `~/.cache/voipbin-bridge`. */
export function defaultCacheDir(env: NodeJS.ProcessEnv): string {
  const base = env['XDG_CACHE_HOME'];
  return join(base !== undefined && isAbsolute(base) ? base : join(homedir(), '.cache'), 'voipbin-bridge');
}

/**
 * Finds the Temporal CLI, or gets it: TEMPORAL_CLI_PATH, PATH, the cache, Temporal's download host, a build with Go; in
 * this order. Whatever is returned has just answered `--version`. Safe to call from several processes at once: they may
 * fetch it twice, but never half.
 *
 * @param options.cliPath the setting, when it came from a file; else `TEMPORAL_CLI_PATH` of `env` is taken.
 * @param options.onProgress gets a line now and then while this takes long.
 * @param options.downloadBase for tests.
 * @throws TemporalCliPathRefused
 * @throws TemporalCliNotFound
 */
export async function findTemporalCli(options: {
  env: NodeJS.ProcessEnv;
  cliPath?: string | null | undefined;
  cacheDir?: string | undefined;
  onProgress: (line: string) => void;
  downloadBase?: string;
}): Promise<TemporalCli> {
  const { env, onProgress } = options;
  const configured = options.cliPath ?? env['TEMPORAL_CLI_PATH'];
  if (configured !== undefined && configured !== '') {
    return configuredCli(configured);
  }
  const tried: TriedWay[] = [{ way: 'TEMPORAL_CLI_PATH', why: 'not set' }];
  const onPath = await cliOnPath(env, tried, onProgress);
  if (onPath !== null) {
    return onPath;
  }
  const cacheDir = options.cacheDir ?? defaultCacheDir(env);
  const home = join(cacheDir, `temporal-cli-${PINNED_CLI}`);
  const cached = join(home, PROGRAM);
  const usable = await tryCli(cached, 'cache');
  if (typeof usable !== 'string') {
    return usable;
  }
  tried.push({ way: `cache (${cached})`, why: usable });
  removeLeftovers(cacheDir);
  const base = options.downloadBase ?? DOWNLOAD_HOST;
  const ways: { source: CliSource; way: string; fetch: (folder: string) => Promise<void> }[] = [
    {
      source: 'download',
      way: `download from ${base}`,
      fetch: (folder) => downloadCli({ base, version: PINNED_CLI, folder, onProgress }),
    },
    {
      source: 'build',
      way: 'build with Go',
      fetch: (folder) => buildCli({ env, version: PINNED_CLI, target: join(folder, PROGRAM), onProgress }),
    },
  ];
  for (const { source, way, fetch } of ways) {
    try {
      await install(home, fetch);
      onProgress(`Temporal's CLI ${PINNED_CLI} is ready: ${cached}`);
      return { path: cached, version: PINNED_CLI, source };
    } catch (error) {
      const why = isNativeError(error) ? error.message : String(error);
      tried.push({ way, why });
      onProgress(`Temporal's CLI, ${way}: ${why}`);
    }
  }
  throw new TemporalCliNotFound(tried);
}

async function configuredCli(setting: string): Promise<TemporalCli> {
  const path = resolve(setting);
  const found = await tryCli(path, 'TEMPORAL_CLI_PATH');
  if (typeof found === 'string') {
    throw new TemporalCliPathRefused(path, found === NOT_THERE ? 'does not exist' : found);
  }
  return found;
}

async function cliOnPath(
  env: NodeJS.ProcessEnv,
  tried: TriedWay[],
  onProgress: (line: string) => void,
): Promise<TemporalCli | null> {
  // Windows writes it Path, and an env that was copied into a plain object no longer ignores case.
  const path = env['PATH'] ?? env['Path'] ?? '';
  const reasons: string[] = [];
  for (const folder of new Set(path.split(delimiter).filter((entry) => isAbsolute(entry)))) {
    const candidate = join(folder, PROGRAM);
    const found = await tryCli(candidate, 'PATH');
    if (typeof found !== 'string') {
      return found;
    }
    if (found !== NOT_THERE) {
      reasons.push(`${candidate} ${found}`);
      onProgress(`Skipping ${candidate}: it ${found}`);
    }
  }
  tried.push({ way: 'PATH', why: reasons.length === 0 ? 'no `temporal` there' : reasons.join('; ') });
  return null;
}

const NOT_THERE = 'not there';

/** The CLI at a path, or why it cannot be used, as the end of a sentence. */
async function tryCli(path: string, source: CliSource): Promise<TemporalCli | string> {
  if (!existsSync(path)) {
    return NOT_THERE;
  }
  if (!statSync(path).isFile()) {
    return 'is no file';
  }
  try {
    accessSync(path, constants.X_OK);
  } catch {
    return 'is not executable';
  }
  try {
    const version = await readCliVersion(path);
    return isNewEnough(version)
      ? { path, version: version.version, source }
      : `is version ${version.version}, older than ${OLDEST_CLI}`;
  } catch (error) {
    return isNativeError(error) ? error.message : 'could not be run';
  }
}

/**
 * Fetches into a folder of its own name and moves the program to its place in one step, after it has proved to be the
 * right one.
 */
async function install(home: string, fetch: (folder: string) => Promise<void>): Promise<void> {
  const folder = `${home}.partial-${process.pid}-${randomBytes(4).toString('hex')}`;
  mkdirSync(folder, { recursive: true });
  try {
    await fetch(folder);
    const program = join(folder, PROGRAM);
    if (!existsSync(program)) {
      throw new Error(`there was no ${PROGRAM} in it`);
    }
    const { version } = await readCliVersion(program).catch((error: unknown) => {
      throw new Error(`what came ${isNativeError(error) ? error.message : 'could not be run'}`);
    });
    if (version !== PINNED_CLI) {
      throw new Error(`what came is version ${version}, not ${PINNED_CLI}`);
    }
    mkdirSync(home, { recursive: true });
    renameSync(program, join(home, PROGRAM));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function removeLeftovers(cacheDir: string): void {
  if (!existsSync(cacheDir)) {
    return;
  }
  for (const name of readdirSync(cacheDir).filter((entry) => entry.includes('.partial-'))) {
    const path = join(cacheDir, name);
    const changed = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - changed > LEFTOVER_AFTER_MS) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}
