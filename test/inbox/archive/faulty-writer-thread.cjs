// The inbox's writer thread with faults that a test chooses by the file `fault` in the data folder. `end`: the thread
// ends at the next message. `hang`: it hangs, as on a disk that does not answer, until the file says otherwise. A code of
// SQLite: commits fail with it.
const { readFileSync } = require('node:fs');
const path = require('node:path');
const { parentPort, workerData } = require('node:worker_threads');
const Database = require('libsql');

function fault() {
  try {
    return readFileSync(path.join(workerData.dataDir, 'fault'), 'utf8');
  } catch {
    return '';
  }
}

class FaultyDatabase extends Database {
  /** @param {string} sql */
  exec(sql) {
    const code = fault();
    if (sql === 'COMMIT' && code.startsWith('SQLITE_')) {
      throw Object.assign(new Error('original'), { code });
    }
    return super.exec(sql);
  }
}
// The inbox's modules get it from the module cache.
require.cache[require.resolve('libsql')].exports = FaultyDatabase;

parentPort.on('message', () => {
  if (fault() === 'end') {
    process.exit(1);
  }
  while (fault() === 'hang') {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
});
require('./writer-thread.cjs');
