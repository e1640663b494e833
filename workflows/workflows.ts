/** What the worker registers; the bundle's entry. */
export { countLimit } from './count-limit';
export { handleEvent } from './handle-event';
export { holdCooldown } from './hold-cooldown';
export { parkConnection } from './park-connection';
