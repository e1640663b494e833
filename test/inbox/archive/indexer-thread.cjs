// The inbox's indexer thread from source: workers load no TypeScript by themselves.
require('../../run-typescript.cjs');
require('../../../src/inbox/archive/indexer-thread.ts');
