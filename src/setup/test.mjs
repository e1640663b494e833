// @ts-check
/**
 * `npm test` and `npm run test:chaos`: makes everything ready, the Temporal server too, then runs jest with the
 * arguments given; all but the chaos tests unless these say which.
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
// Most test files wait (for processes, disks, time-outs) more than they compute, so there are more workers than cores.
const workers = Math.min(2 * availableParallelism(), MOST_WORKERS);
process.exit(fetched !== 0 ? fetched : run(jest, [...projects, `--maxWorkers=${workers}`, ...given]));
