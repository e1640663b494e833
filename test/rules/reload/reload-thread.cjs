// The thread that checks rule files, from source: workers do not load TypeScript by themselves.
require('../../run-typescript.cjs');
require('../../../src/rules/reload/reload-thread.ts');
