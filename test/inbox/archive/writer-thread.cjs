// The inbox's writer thread from source: workers do not load TypeScript by themselves.
require('../../run-typescript.cjs');
require('../../../src/inbox/archive/writer-thread.ts');
