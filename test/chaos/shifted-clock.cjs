// @ts-check
/**
 * Loaded before a bridge (`node --require`): its clock is the machine's, shifted by the milliseconds in the file
 * CHAOS_CLOCK_FILE. Timers and `performance.now()` are unchanged, as when a machine's clock is set.
 */
const { readFileSync } = require('node:fs');

const file = process.env['CHAOS_CLOCK_FILE'] ?? '';
const RealDate = Date;
const READ_EVERY_MS = 20;
let offset = 0;
let readAt = Number.NEGATIVE_INFINITY;

function now() {
  if (performance.now() - readAt > READ_EVERY_MS) {
    readAt = performance.now();
    offset = Number(readFileSync(file, 'utf8'));
  }
  return RealDate.now() + offset;
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, made) => Reflect.construct(target, args.length === 0 ? [now()] : args, made),
  apply: () => new RealDate(now()).toString(),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});
RealDate.prototype.constructor = globalThis.Date;
