import type { JsonObject } from './json';

/** `live`: the name is in VoIPBIN's source. `documented`: it is on the webhook page. Many are in both. */
export type Dialect = 'live' | 'documented';

/**
 * Whether one resource can have the event more than once. `once`: a second one is the same event, delivered or emitted
 * again (reference voipbin.md 1, "Why the same thing can arrive twice"), even with another body.
 */
export type Happens = 'once' | 'repeatedly';

/** An event type in the catalogue. */
export interface EventType {
  readonly type: string;
  /** The kind of resource that `data` holds: `call`, `conversation_message`. */
  readonly resource: string;
  readonly dialects: readonly Dialect[];
  /**
   * The live sender's name of a documented type; the type's own name where there is no other. {@link canonicalType}
   * returns it unless the status decides.
   */
  readonly canonical: string;
  readonly happens: Happens;
  /** Whether the live sender really sends it under this name. */
  readonly emitted: boolean;
}

interface Words {
  once?: string;
  repeatedly?: string;
}

/**
 * The live sender's types (reference voipbin.md 3), by resource: the type is `<resource>_<word>`.
 * A queue call may return to waiting when no agent picks up, and AI calls and campaigns pause and resume: those repeat.
 */
const LIVE: Readonly<Record<string, Words>> = {
  account: { once: 'created deleted', repeatedly: 'updated' },
  activeflow: { once: 'created deleted', repeatedly: 'updated' },
  agent: { once: 'created deleted', repeatedly: 'updated status_updated' },
  ai: { once: 'created deleted', repeatedly: 'updated' },
  aicall: {
    once: 'status_initializing status_terminating status_terminated',
    repeatedly: 'status_progressing status_pausing status_resuming',
  },
  aimessage: { once: 'created', repeatedly: 'intermediate' },
  call: { once: 'created ringing progressing terminating canceling hangup deleted', repeatedly: 'updated' },
  campaign: { once: 'created deleted', repeatedly: 'updated status_run status_stopping status_stop' },
  campaigncall: { once: 'created deleted', repeatedly: 'updated' },
  chat: { once: 'created deleted', repeatedly: 'updated' },
  chatmessage: { once: 'created deleted', repeatedly: 'reaction_updated' },
  chatparticipant: { repeatedly: 'added removed' },
  conference: { once: 'created deleted', repeatedly: 'updated' },
  conversation: { once: 'created', repeatedly: 'updated' },
  conversation_message: { once: 'created deleted', repeatedly: 'updated' },
  email: { once: 'created deleted', repeatedly: 'updated' },
  groupcall: { once: 'created progressing hangup deleted' },
  message: { once: 'created deleted', repeatedly: 'updated' },
  number: { once: 'created deleted', repeatedly: 'updated' },
  outdial: { once: 'created deleted', repeatedly: 'updated' },
  queuecall: { once: 'created serviced done abandoned deleted', repeatedly: 'waiting connecting' },
  recording: { once: 'started finished' },
  summary: { once: 'created deleted', repeatedly: 'updated' },
  team: { once: 'created deleted', repeatedly: 'updated' },
  transcribe: { once: 'created progressing done' },
  transcribe_speech: { once: 'started ended', repeatedly: 'interim' },
  transcript: { once: 'created' },
  webchat_message: { once: 'created' },
  webchat_session: { once: 'ended' },
};

/** Named in the sender's source, but nothing there ever sends it (reference voipbin.md 3). */
const NEVER_SENT = new Set(['transcribe_progressing']);

/** What the webhook page names, by resource; the 35 names of its structure and tutorial sections. */
const DOCUMENTED: Readonly<Record<string, string>> = {
  activeflow: 'created updated deleted',
  agent: 'created updated deleted status_updated',
  call: 'created ringing answered updated hungup',
  confbridge: 'created updated',
  conference: 'created updated',
  message: 'created updated deleted',
  queue: 'created updated deleted',
  queuecall: 'created entering kicking serviced done abandoned',
  recording: 'created updated deleted',
  transcribe: 'created updated deleted',
  transcript: 'created',
};

/** Of the documented names that are never sent, those that can come more than once. */
const DOCUMENTED_REPEATEDLY = new Set([
  'confbridge_updated',
  'queue_updated',
  'queuecall_kicking',
  'recording_updated',
  'transcribe_updated',
]);

/**
 * What the page calls it -> what the live sender calls it (reference voipbin.md 3, "Seed names that are NOT emitted").
 */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['call_hungup', 'call_hangup'],
  ['call_answered', 'call_progressing'],
  ['transcribe_updated', 'transcribe_done'],
  ['queuecall_entering', 'queuecall_connecting'],
  ['recording_created', 'recording_started'],
]);

/** Rules on these names match more than the one type: the page uses one name for a resource's whole progress. */
const WIDER: ReadonlyMap<string, readonly string[]> = new Map([
  ['recording_updated', ['recording_updated', 'recording_started', 'recording_finished']],
  ['transcribe_updated', ['transcribe_updated', 'transcribe_done']],
]);

const BY_NAME: ReadonlyMap<string, EventType> = build();
const RESOURCES: readonly string[] = [...new Set([...BY_NAME.values()].map((entry) => entry.resource))].sort(
  (one, other) => other.length - one.length,
);
const CANONICAL: readonly string[] = [
  ...new Set([...BY_NAME.keys()].flatMap((name) => WIDER.get(name) ?? [ALIASES.get(name) ?? name])),
].sort();

function build(): Map<string, EventType> {
  const types = new Map<string, EventType>();
  for (const [resource, words] of Object.entries(LIVE)) {
    for (const happens of ['once', 'repeatedly'] as const) {
      for (const word of split(words[happens])) {
        const type = `${resource}_${word}`;
        types.set(type, {
          type,
          resource,
          dialects: ['live'],
          canonical: type,
          happens,
          emitted: !NEVER_SENT.has(type),
        });
      }
    }
  }
  for (const [resource, words] of Object.entries(DOCUMENTED)) {
    for (const word of split(words)) {
      const type = `${resource}_${word}`;
      const live = types.get(type);
      types.set(
        type,
        live === undefined
          ? {
              type,
              resource,
              dialects: ['documented'],
              canonical: ALIASES.get(type) ?? type,
              happens: DOCUMENTED_REPEATEDLY.has(type) ? 'repeatedly' : 'once',
              emitted: false,
            }
          : { ...live, dialects: ['live', 'documented'] },
      );
    }
  }
  return types;
}

function split(words: string | undefined): string[] {
  return words === undefined ? [] : words.split(' ');
}

/** The catalogue's entry for a type, by its name in either dialect; undefined for an unknown type. */
export function eventType(name: string): EventType | undefined {
  return BY_NAME.get(name);
}

/** All known names of both dialects, sorted. */
export function knownTypeNames(): string[] {
  return [...BY_NAME.keys()].sort();
}

/**
 * The name that the bridge uses for an event: the live sender's, in either dialect. The page's `recording_updated` and
 * `transcribe_updated` cover several live types, so their status decides: `recording_updated` is `recording_finished`
 * once it is `done` or `ended`; `transcribe_updated` is `transcribe_done` unless it is still `progressing`. Every other
 * name is kept.
 */
export function canonicalType(declared: string, data: JsonObject): string {
  const status = data['status'];
  if (declared === 'recording_updated') {
    return status === 'done' || status === 'ended' ? 'recording_finished' : declared;
  }
  if (declared === 'transcribe_updated' && status === 'progressing') {
    return declared;
  }
  return ALIASES.get(declared) ?? declared;
}

/** Whether a canonical type happens once to a resource. Unknown types may repeat. */
export function happensOnce(canonical: string): boolean {
  return BY_NAME.get(canonical)?.happens === 'once';
}

/**
 * The kind of resource of a canonical type. A type that is not known belongs to the resource that its name begins with
 * (VoIPBIN adds types: `call_parked` holds a call), or to none: null.
 */
export function resourceOf(canonical: string): string | null {
  return BY_NAME.get(canonical)?.resource ?? RESOURCES.find((resource) => canonical.startsWith(`${resource}_`)) ?? null;
}

/**
 * The canonical types that a rule on this name listens to, sorted as the page means it: a name of either dialect, or a
 * family (`call_*`: every known type that begins with `call_`). Null for a name, or a family, that is not known.
 */
export function typesFor(name: string): string[] | null {
  if (name.endsWith('_*')) {
    const family = CANONICAL.filter((type) => type.startsWith(name.slice(0, -1)));
    return family.length === 0 ? null : family;
  }
  const entry = BY_NAME.get(name);
  if (entry === undefined) {
    return null;
  }
  return [...(WIDER.get(name) ?? [entry.canonical])];
}
