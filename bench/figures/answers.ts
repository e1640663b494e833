import { eventIdOf } from '../events';
import type { Answer } from '../http-load';

/**
 * What is wrong with answers: another status than 200, another outcome than the expected, an id that is not the
 * event's. Nothing of it may be.
 */
export function faultsOf(who: string, answers: readonly Answer[], outcome: 'received' | 'ignored'): string[] {
  const wrong = answers.filter(
    ({ event, status, body }) => status !== 200 || body !== `{"status":"${outcome}","id":"${eventIdOf(event)}"}`,
  );
  const [first] = wrong;
  return first === undefined
    ? []
    : [
        `${wrong.length} of ${answers.length} answers of ${who} were wrong, the first: ${first.status} ${first.body.slice(0, 200)}`,
      ];
}
