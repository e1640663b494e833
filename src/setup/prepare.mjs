// @ts-check
/**
 * What has to be there before the bridge can run from a clone: packages, compiled code, the workflow bundle. Uses
 * nothing but Node itself. Each part is done only when it is missing or stale, so a second run starts at once.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const OLDEST_NODE = [20, 19];
const SOURCES = ['src', 'workflows', 'activities', 'tsconfig.json', 'package-lock.json'];

/** A reason to stop that the reader can mend; its message says how. */
export class SetUpFailure extends Error {}

/** Makes everything ready. Throws {@link SetUpFailure}. */
export async function prepare() {
  checkNode();
  if (!packagesInstalled()) {
    await step('Installing packages (npm ci)', npmCommand(), ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  const hash = sourceHash();
  if (builtHash() !== hash) {
    await build(hash);
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

/** Whether node_modules holds what the lock file asks for, by npm's own record of what it installed. */
function packagesInstalled() {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) {
    return false;
  }
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || entry.optional === true || installed[path]?.version === entry.version,
  );
}

function sourceHash() {
  const hash = createHash('sha256');
  /** @param {string} path */
  const add = (path) => {
    const full = join(root, path);
    hash.update(path).update('\0').update(readFileSync(full)).update('\0');
  };
  for (const source of SOURCES) {
    if (source.includes('.')) {
      add(source);
      continue;
    }
    const files = readdirSync(join(root, source), { recursive: true, withFileTypes: true });
    for (const path of files
      .filter((file) => file.isFile() && file.name.endsWith('.ts'))
      .map((file) => join(file.parentPath, file.name).slice(root.length + 1))
      .sort()) {
      add(path);
    }
  }
  return hash.digest('hex');
}

function builtHash() {
  const stamp = join(root, 'dist', 'built-from');
  return existsSync(stamp) ? readFileSync(stamp, 'utf8') : null;
}

/**
 * Builds beside the old build and swaps the two, so that nobody meets half a build. A running bridge's next worker is
 * then of the new one. @param {string} hash
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
 * Runs one command, showing that it is under way and for how long; its output is shown only when it fails.
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
