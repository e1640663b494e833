// @ts-check
/**
 * Starts a dev server as a bridge does, prints `started`, and waits to be killed. With THEN=throw, ends by an uncaught
 * error instead.
 */
const { readFileSync } = require('node:fs');
const { transformSync } = require('@swc/core');
const pino = require('pino');

require.extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    filename,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
    module: { type: 'commonjs' },
  });
  /** @type {any} */ (module)._compile(code, filename);
};
const { startDevServer } = require('../../../src/temporal/dev-server/dev-server.ts');

async function main() {
  await startDevServer({
    ...JSON.parse(process.env['START'] ?? '{}'),
    log: pino({ level: 'silent' }),
    onExit: () => undefined,
  });
  process.stdout.write('started\n');
  if (process.env['THEN'] === 'throw') {
    throw new Error('an error that nobody catches');
  }
  setInterval(() => undefined, 60_000);
}

void main();
