import { eventIdOf } from '../events';
import type { Answer } from '../http-load';

/**
 * Finds wrong answers: a status other than 200, an unexpected outcome, or an id that is not the event's. There must be
 * none.
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
