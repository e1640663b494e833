// A check that fails as the main file's name says.
const { workerData } = require('node:worker_threads');
if (workerData.file.endsWith('memory.yaml')) {
  const kept = [];
  for (;;) {
    kept.push(Array.from({ length: 100_000 }, () => kept.length));
  }
}
if (workerData.file.endsWith('endless.yaml')) {
  for (;;) {
    Math.random();
  }
}
if (workerData.file.endsWith('throws.yaml')) {
  throw new RangeError('a fault of the check');
}
