// @ts-check
/** Bundles workflows/ into the one file that workers load. Argument: the file to write. */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from './prepare.mjs';

const require = createRequire(join(root, 'package.json'));
const { bundleWorkflowCode, DefaultLogger } = require('@temporalio/worker');
const target = process.argv[2];
if (target === undefined) {
  throw new TypeError('name the file to write');
}
const { code } = await bundleWorkflowCode({
  workflowsPath: join(root, 'workflows', 'workflows.ts'),
  logger: new DefaultLogger('WARN'),
  // Stack traces need the lines of the sources, not their text: without it, an idle worker has 19 MB less.
  webpackConfigHook: (config) => ({ ...config, devtool: 'inline-nosources-source-map' }),
});
writeFileSync(target, code);
