// Lets a child process of a test run TypeScript: node -r <this file> some.ts
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { transformSync } = require('@swc/core');

require.extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    filename,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
    module: { type: 'commonjs' },
  });
  module._compile(code, filename);
};

// TypeScript's dynamic imports name the compiled file: import('./start.js') is start.ts here.
const resolve = Module._resolveFilename;
Module._resolveFilename = (request, parent, ...rest) => {
  const isOurs = /^\.\.?\/.*\.js$/.test(request) && parent?.filename?.endsWith('.ts') === true;
  return resolve(isOurs ? request.slice(0, -'.js'.length) : request, parent, ...rest);
};
