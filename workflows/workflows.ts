/** What the worker registers; the bundle's entry. */
export { handleEvent } from './handle-event';
export { holdCooldown } from './hold-cooldown';
