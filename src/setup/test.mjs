// @ts-check
/**
 * `npm test` and `npm run test:chaos`: prepares the clone and the Temporal server, then runs jest with the given
 * arguments. Without `--selectProjects` it runs the unit and end-to-end tests.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { prepare, root, SetUpFailure } from './prepare.mjs';

/** A worker takes up to half a gigabyte. */
const MOST_WORKERS = 8;

try {
  await prepare();
} catch (error) {
  if (!(error instanceof SetUpFailure)) {
    throw error;
  }
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
const require = createRequire(join(root, 'package.json'));
/** @param {string} command @param {string[]} args */
const run = (command, args) =>
  spawnSync(process.execPath, [command, ...args], { cwd: root, stdio: 'inherit' }).status ?? 1;

const fetched = run(join(root, 'src', 'setup', 'fetch-temporal.mjs'), []);
const jest = join(dirname(require.resolve('jest/package.json')), 'bin', 'jest.js');
const given = process.argv.slice(2);
const projects = given.includes('--selectProjects') ? [] : ['--selectProjects', 'unit', 'e2e'];
// Test files wait (for processes, disks, time-outs) more than they compute, so three workers on two cores are faster than
// two. With four, the tests' Temporal servers, which run at a low priority, take up to a minute to start. Chaos tests
// measure while they load the machine, so they run one after another.
const workers = given.includes('chaos') ? 1 : Math.min(Math.ceil(1.5 * availableParallelism()), MOST_WORKERS);
process.exit(fetched !== 0 ? fetched : run(jest, [...projects, `--maxWorkers=${workers}`, ...given]));
