/** The workflows that the worker registers: the entry of the bundle. */
export { countLimit } from './count-limit';
export { handleBatch } from './handle-batch';
export { handleEvent } from './handle-event';
export { holdCooldown } from './hold-cooldown';
export { keepClaims } from './keep-claims';
export { keepOptOuts } from './keep-opt-outs';
export { parkConnection } from './park-connection';
