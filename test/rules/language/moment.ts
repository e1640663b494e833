import type { Moment } from '../../../src/rules/language/fixed-filters';

/** A moment for tests that render templates without a step. */
export const MOMENT: Moment = { now: new Date('2026-03-02T01:00:00.000Z'), seed: 'call_hangup/1/rule/step' };
