// @ts-check
/**
 * Makes a clone ready to run: packages, compiled code, the workflow bundle. Uses nothing but Node itself. Each part is
 * done only when it is missing or out of date.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const OLDEST_NODE = [20, 19];
const SOURCES = ['src', 'workflows', 'activities', 'tsconfig.json', 'package-lock.json'];
/** npm's own record of what it installed. */
const INSTALLED = join('node_modules', '.package-lock.json');
/** In the build: the hash of the sources that it was made from. */
const BUILT_FROM = join('dist', 'built-from');
/** In the build: size and time of change of every source when it was last found up to date. */
const CHECKED_AT = join('dist', 'checked-at');

/** A failure that the reader can repair. Its message says how. */
export class SetUpFailure extends Error {}

/**
 * Makes everything ready. When no file has changed in size or time since the last call, it reads none of them; else it
 * compares their content. Throws {@link SetUpFailure}.
 */
export async function prepare() {
  checkNode();
  const sources = sourceFiles();
  if (readIfThere(CHECKED_AT) === stampOf(sources)) {
    return;
  }
  if (!packagesInstalled()) {
    await step('Installing packages (npm ci)', npmCommand(), ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  // Taken before the content is read: what changes meanwhile is looked at again by the next call.
  const stamp = stampOf(sources);
  const hash = hashOf(sources);
  if (readIfThere(BUILT_FROM) !== hash) {
    await build(hash);
  }
  try {
    writeFileSync(join(root, CHECKED_AT), stamp);
  } catch {
    // A read-only clone: the next call compares the content again, which is slower by some 50 ms.
  }
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE;
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    throw new SetUpFailure(
      `Node ${process.versions.node} is too old: the bridge needs ${OLDEST_NODE.join('.')} or newer. Install it from nodejs.org or your package manager.`,
    );
  }
}

/** Whether node_modules holds what the lock file asks for. */
function packagesInstalled() {
  const record = readIfThere(INSTALLED);
  if (record === null) {
    return false;
  }
  const installed = JSON.parse(record).packages;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || entry.optional === true || installed[path]?.version === entry.version,
  );
}

/** Paths of all sources below the root, in a fixed order. */
function sourceFiles() {
  return SOURCES.flatMap((source) =>
    source.includes('.')
      ? [source]
      : readdirSync(join(root, source), { recursive: true, withFileTypes: true })
          .filter((file) => file.isFile() && file.name.endsWith('.ts'))
          .map((file) => join(file.parentPath, file.name).slice(root.length + 1))
          .sort(),
  );
}

/** @param {string[]} sources */
function hashOf(sources) {
  const hash = createHash('sha256');
  for (const path of sources) {
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(root, path)))
      .update('\0');
  }
  return hash.digest('hex');
}

/** Changes whenever a source or npm's record is written, added or removed. @param {string[]} sources */
function stampOf(sources) {
  const hash = createHash('sha256');
  for (const path of [...sources, INSTALLED]) {
    const { mtimeMs = 0, size = 0 } = statSync(join(root, path), { throwIfNoEntry: false }) ?? {};
    hash.update(`${path}\0${mtimeMs}\0${size}\0`);
  }
  return hash.digest('hex');
}

/** @param {string} path */
function readIfThere(path) {
  const file = join(root, path);
  return existsSync(file) ? readFileSync(file, 'utf8') : null;
}

/**
 * Builds into a new folder and then swaps it with the old build, so that no process loads half a build. A bridge that
 * runs starts its next worker from the new build. @param {string} hash
 */
async function build(hash) {
  const fresh = join(root, `.bridge-build-${process.pid}`);
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh);
  try {
    const require = createRequire(join(root, 'package.json'));
    const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
    await step('Compiling', process.execPath, [tsc, '-p', join(root, 'tsconfig.json'), '--outDir', fresh]);
    await step('Bundling workflows', process.execPath, [
      join(root, 'src', 'setup', 'bundle-workflows.mjs'),
      join(fresh, 'workflow-bundle.js'),
    ]);
    writeFileSync(join(fresh, 'built-from'), hash);
    const dist = join(root, 'dist');
    const old = `${fresh}-old`;
    if (existsSync(dist)) {
      renameSync(dist, old);
    }
    renameSync(fresh, dist);
    rmSync(old, { recursive: true, force: true });
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

function npmCommand() {
  return process.platform === 'win32' ? 'npm.cmd' : 'npm';
}

/**
 * Runs one command and shows how long it has been running. Its output is shown only when it fails.
 * @param {string} what @param {string} command @param {string[]} args
 */
function step(what, command, args) {
  const began = Date.now();
  const seconds = () => Math.round((Date.now() - began) / 1_000);
  /** @type {Buffer[]} */
  const output = [];
  process.stderr.write(`${what} ...\n`);
  return /** @type {Promise<void>} */ (
    new Promise((resolve, reject) => {
      const child = spawn(command, args, {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
        shell: process.platform === 'win32',
      });
      const timer = setInterval(() => process.stderr.write(`${what} ... ${seconds()} s\n`), 10_000);
      child.stdout.on('data', (chunk) => output.push(chunk));
      child.stderr.on('data', (chunk) => output.push(chunk));
      child.on('error', (error) => {
        clearInterval(timer);
        reject(new SetUpFailure(`${what} could not be started: ${error.message}`));
      });
      child.on('close', (code) => {
        clearInterval(timer);
        if (code === 0) {
          process.stderr.write(`${what}: done in ${seconds()} s\n`);
          resolve();
        } else {
          reject(new SetUpFailure(`${what} failed:\n${Buffer.concat(output).toString().trim()}`));
        }
      });
    })
  );
}
