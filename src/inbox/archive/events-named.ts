import { knownTypeNames } from '../../events/catalogue';

/**
 * The ids of the stored events that an id without its type may mean: `call_hangup/a001` for `a001`. Only types of the
 * catalogue are tried.
 */
export function eventsNamed(inbox: { has(eventId: string): boolean }, id: string): string[] {
  return id.includes('/')
    ? []
    : knownTypeNames()
        .map((type) => `${type}/${id}`)
        .filter((eventId) => inbox.has(eventId));
}
