// @ts-check
/** Finds, downloads or builds the Temporal CLI, for tests that start a server. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from './prepare.mjs';

const require = createRequire(join(root, 'package.json'));
const { findTemporalCli } = require(join(root, 'dist', 'src', 'temporal', 'dev-server', 'find-cli.js'));
try {
  await findTemporalCli({
    env: process.env,
    onProgress: (/** @type {string} */ line) => process.stderr.write(`${line}\n`),
  });
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
