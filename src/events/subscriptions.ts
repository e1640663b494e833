import { eventType, knownTypeNames, typesFor } from './catalogue';

/**
 * The names in the examples of VoIPBIN's page on webhooks ("Create a Webhook", "Update a Webhook"), and the bridge's types
 * that each is taken to cover. The page does not say what they cover; its list of types has the other names.
 */
const DOTTED: ReadonlyMap<string, (type: string) => boolean> = new Map([
  ['call.status', (type) => type.startsWith('call_')],
  ['call.completed', (type) => type === 'call_hangup'],
  ['message.received', (type) => type === 'message_created'],
  ['recording.completed', (type) => type === 'recording_finished' || type === 'recording_updated'],
  ['transcribe.completed', (type) => type === 'transcribe_done'],
]);

/** Names that a webhook can be subscribed to. */
export interface SubscriptionNames {
  /** The names of both dialects, and dotted ones: whichever VoIPBIN knows, the events come. */
  all: string[];
  /** Only those of the page's list of types; empty where it has none. */
  documented: string[];
  /** Only the dotted ones. */
  dotted: string[];
}

/** The names under which VoIPBIN may send events of these types, as the bridge names them. Sorted. */
export function subscriptionNames(types: ReadonlySet<string>): SubscriptionNames {
  const known = knownTypeNames().filter((name) => (typesFor(name) ?? []).some((type) => types.has(type)));
  const dotted = [...DOTTED].flatMap(([name, has]) => ([...types].some(has) ? [name] : []));
  return { all: [...new Set([...types, ...known, ...dotted])].sort(), documented: known.filter(isDocumented), dotted };
}

/** Whether a webhook with this event type gets events of a type, as the bridge names it. */
export function subscriptionCovers(name: string, type: string): boolean {
  return name === '*' || name === type || (typesFor(name) ?? []).includes(type) || (DOTTED.get(name)?.(type) ?? false);
}

function isDocumented(name: string): boolean {
  return eventType(name)?.dialects.includes('documented') ?? false;
}
