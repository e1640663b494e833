import { findAction } from '../connectors/registry';
import type { ShownTimes } from '../rules/tools/format-explanation';
import { shownTime } from './since';

/** Prints the times of conditions and inputs in the zone of the screen that they are on. */
export function timesIn(zone: string): ShownTimes {
  return {
    shown: (time) => shownTime(time, zone),
    isMoment: (action, input) => findAction(action)?.action.isMoment(input) ?? false,
  };
}
