// The inbox's indexer thread on a machine with faults: while the file `fault` in the data folder says `end` the thread
// ends when it is asked for something, while it says `hang` it hangs (as on a disk that does not answer).
const { readFileSync } = require('node:fs');
const path = require('node:path');
const { parentPort, workerData } = require('node:worker_threads');

function fault() {
  try {
    return readFileSync(path.join(workerData.dataDir, 'fault'), 'utf8');
  } catch {
    return '';
  }
}

parentPort.on('message', () => {
  if (fault() === 'end') {
    process.exit(1);
  }
  while (fault() === 'hang') {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
});
require('./indexer-thread.cjs');
