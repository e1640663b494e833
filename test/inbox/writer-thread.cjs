// The inbox's writer thread from source: workers load no TypeScript by themselves.
require('./run-typescript.cjs');
require('../../src/inbox/writer-thread.ts');
