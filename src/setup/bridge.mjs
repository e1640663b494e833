#!/usr/bin/env node
// @ts-check
/** The command `bridge` in a clone: makes everything ready, then runs the program. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { prepare, root, SetUpFailure } from './prepare.mjs';

try {
  await prepare();
} catch (error) {
  if (!(error instanceof SetUpFailure)) {
    throw error;
  }
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
createRequire(import.meta.url)(join(root, 'dist', 'src', 'cli', 'bridge.js'));
