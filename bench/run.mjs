// @ts-check
/**
 * `npm run bench`: prepares the bridge, compiles the benchmark and runs it with the given arguments; `--help` lists them.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { prepare, root, SetUpFailure } from '../src/setup/prepare.mjs';

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
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
const compiled = spawnSync(process.execPath, [tsc, '-p', join(root, 'bench', 'tsconfig.json')], { stdio: 'inherit' });
if (compiled.status !== 0) {
  process.exit(1);
}
require(join(root, 'bench', 'dist', 'bench', 'bench.js'));
