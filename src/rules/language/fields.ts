import type { CanonicalEvent, Party } from '../../events/canonical-event';
import type { JsonValue } from '../../events/json';

/**
 * What a field holds, which decides how it may be compared.
 * `phone` compares in E.164, whichever way a number is written; `seconds` is a number; `any` is whatever VoIPBIN sent.
 */
export type FieldKind = 'text' | 'choice' | 'phone' | 'seconds' | 'boolean' | 'time' | 'any';

/** A word of a `choice` field, with what else people and the other dialect call it. */
export interface Choice {
  value: string;
  meaning: string;
  /** Words that mean this one, and are never in the event: using one is an error that names the right word. */
  synonyms?: readonly string[];
}

/** A field of the canonical event, as rules, templates, explanations, the editor's schema and the docs see it. */
export interface FieldDefinition {
  /** Dotted: `peer.number`. */
  name: string;
  kind: FieldKind;
  /** One sentence for ops. */
  description: string;
  choices?: readonly Choice[];
  /**
   * Whether VoIPBIN may say other words than `choices`: an unknown word far from all of them is then a warning, not an
   * error.
   */
  open?: boolean;
  /** `always`: never null. `maybe`: null where VoIPBIN did not say. */
  presence: 'always' | 'maybe';
  /** Types that can have it; absent when any can. It is null for all others. */
  types?: RegExp;
  read(event: CanonicalEvent): JsonValue;
}

// Which resources have what: as `src/events` reads them; a test holds the two together.
const CALL = /^call_/;
const ANSWERABLE = /^(?:call|groupcall|queuecall)_/;
const TIMED = /^(?:call|queuecall)_/;
const BETWEEN_PARTIES = /^(?:call|groupcall|message|conversation_message|webchat_message)_/;
const WITH_TEXT = /^(?:message|conversation_message|webchat_message|transcript|transcribe_speech)_/;
const PARTY_TYPES: readonly Choice[] = [
  { value: 'tel', meaning: 'a phone number' },
  { value: 'sip', meaning: 'a SIP address' },
  { value: 'extension', meaning: 'an extension of ours' },
  { value: 'agent', meaning: 'an agent of ours' },
  { value: 'conference', meaning: 'a conference room' },
  { value: 'email', meaning: 'an e-mail address' },
  { value: 'line', meaning: 'a LINE user' },
  { value: 'whatsapp', meaning: 'a WhatsApp user' },
  { value: 'webchat', meaning: 'a web chat visitor' },
  { value: 'web_session', meaning: 'a browser session' },
  { value: 'ai', meaning: 'an AI agent' },
  { value: 'ai_team', meaning: 'a team of AI agents' },
];

function party(side: 'peer' | 'ours', who: string): FieldDefinition[] {
  const part = (read: (party: Party) => string | null) => (event: CanonicalEvent) => {
    const found = event[side];
    return found === null ? null : read(found);
  };
  return [
    {
      name: `${side}.number`,
      kind: 'phone',
      presence: 'maybe',
      types: BETWEEN_PARTIES,
      description: `The number or address of ${who}; numbers compare in any format.`,
      read: part((one) => one.number),
    },
    {
      name: `${side}.type`,
      kind: 'choice',
      presence: 'maybe',
      types: BETWEEN_PARTIES,
      choices: PARTY_TYPES,
      open: true,
      description: `What kind of address ${who} has.`,
      read: part((one) => (one.type === '' ? null : one.type)),
    },
    {
      name: `${side}.name`,
      kind: 'text',
      presence: 'maybe',
      types: BETWEEN_PARTIES,
      description: `The display name of ${who}, where VoIPBIN sent one.`,
      read: part((one) => one.name),
    },
  ];
}

/** Every field but `data`, in the order of the docs. */
export const FIELDS: readonly FieldDefinition[] = [
  {
    name: 'type',
    kind: 'text',
    presence: 'always',
    description: "The event's type in the live sender's words: `call_hangup`.",
    read: (event) => event.type,
  },
  {
    name: 'declared_type',
    kind: 'text',
    presence: 'always',
    description: 'The type exactly as received: `call_hungup`.',
    read: (event) => event.declared_type,
  },
  {
    name: 'event_id',
    kind: 'text',
    presence: 'always',
    description: "The bridge's own id of the event, also of its run.",
    read: (event) => event.event_id,
  },
  {
    name: 'id',
    kind: 'text',
    presence: 'always',
    description: 'The id of the call, message or recording itself.',
    read: (event) => event.id,
  },
  {
    name: 'customer_id',
    kind: 'text',
    presence: 'maybe',
    description: 'The VoIPBIN customer.',
    read: (event) => event.customer_id,
  },
  {
    name: 'occurred_at',
    kind: 'time',
    presence: 'always',
    description: 'When it happened at VoIPBIN, UTC.',
    read: (event) => event.occurred_at,
  },
  {
    name: 'received_at',
    kind: 'time',
    presence: 'always',
    description: 'When the bridge received it, UTC.',
    read: (event) => event.received_at,
  },
  {
    name: 'direction',
    kind: 'choice',
    presence: 'maybe',
    types: BETWEEN_PARTIES,
    choices: [
      { value: 'inbound', meaning: 'somebody called or texted us', synonyms: ['incoming', 'in', 'received'] },
      { value: 'outbound', meaning: 'we called or texted somebody', synonyms: ['outgoing', 'out', 'sent'] },
    ],
    description:
      'Who began: `inbound` or `outbound`. VoIPBIN calls it incoming and outgoing for calls; rules always say inbound and outbound.',
    read: (event) => event.direction,
  },
  ...party('peer', 'the far end (the caller of an inbound call, the sender of an inbound message)'),
  ...party('ours', 'our end'),
  {
    name: 'answered',
    kind: 'boolean',
    presence: 'maybe',
    types: ANSWERABLE,
    description: 'Whether the call was ever picked up.',
    read: (event) => event.answered,
  },
  {
    name: 'ring_s',
    kind: 'seconds',
    presence: 'maybe',
    types: TIMED,
    description: 'Seconds of ringing.',
    read: (event) => event.ring_s,
  },
  {
    name: 'talk_s',
    kind: 'seconds',
    presence: 'maybe',
    types: TIMED,
    description: 'Seconds of talking; 0 when it was never answered.',
    read: (event) => event.talk_s,
  },
  {
    name: 'duration_s',
    kind: 'seconds',
    presence: 'maybe',
    types: TIMED,
    description: 'Seconds from the first ring to the end.',
    read: (event) => event.duration_s,
  },
  {
    name: 'hangup_by',
    kind: 'choice',
    presence: 'maybe',
    types: CALL,
    open: true,
    choices: [
      { value: 'remote', meaning: 'the far end hung up', synonyms: ['peer', 'caller', 'customer'] },
      { value: 'local', meaning: 'our end hung up', synonyms: ['us', 'agent'] },
    ],
    description: 'Who hung up.',
    read: (event) => event.hangup_by,
  },
  {
    name: 'reason',
    kind: 'choice',
    presence: 'maybe',
    types: CALL,
    open: true,
    choices: [
      { value: 'normal', meaning: 'a normal end' },
      { value: 'noanswer', meaning: 'nobody picked up', synonyms: ['no_answer', 'no-answer', 'unanswered', 'missed'] },
      { value: 'busy', meaning: 'the line was busy' },
      { value: 'cancel', meaning: 'the caller gave up', synonyms: ['canceled', 'cancelled'] },
      { value: 'timeout', meaning: 'it rang too long' },
      { value: 'failed', meaning: 'the call could not be set up', synonyms: ['failure', 'error'] },
      { value: 'dialout', meaning: 'the dial-out failed' },
      { value: 'amd', meaning: 'an answering machine was detected' },
    ],
    description: 'Why the call ended (`hangup_reason`).',
    read: (event) => event.reason,
  },
  {
    name: 'text',
    kind: 'text',
    presence: 'maybe',
    types: WITH_TEXT,
    description: 'The text of a message or transcript.',
    read: (event) => event.text,
  },
  {
    name: 'status',
    kind: 'choice',
    presence: 'maybe',
    open: true,
    choices: [
      { value: 'dialing', meaning: 'a call is being set up' },
      { value: 'ringing', meaning: 'a call is ringing' },
      { value: 'progressing', meaning: 'it is going on' },
      { value: 'terminating', meaning: 'it is being ended' },
      { value: 'canceling', meaning: 'it is being cancelled' },
      { value: 'hangup', meaning: 'the call has ended', synonyms: ['hungup', 'hung_up'] },
      { value: 'initiating', meaning: 'a recording or queue call begins' },
      { value: 'recording', meaning: 'it is being recorded' },
      { value: 'stopping', meaning: 'a recording is being stopped' },
      { value: 'ended', meaning: 'it is over; `done` means the same', synonyms: ['finished', 'completed', 'complete'] },
      { value: 'done', meaning: 'it is over; `ended` means the same' },
      { value: 'waiting', meaning: 'a queue call is waiting' },
      { value: 'connecting', meaning: 'a queue call is being connected' },
      { value: 'kicking', meaning: 'a queue call is being removed' },
      { value: 'service', meaning: 'a queue call is being served' },
      { value: 'abandoned', meaning: 'the caller left the queue' },
      { value: 'failed', meaning: 'a message could not be sent' },
      { value: 'running', meaning: 'a flow is running' },
      { value: 'starting', meaning: 'a conference begins' },
      { value: 'terminated', meaning: 'a conference is over' },
      { value: 'available', meaning: 'an agent is free' },
      { value: 'away', meaning: 'an agent is away' },
      { value: 'busy', meaning: 'an agent is busy' },
      { value: 'offline', meaning: 'an agent is offline' },
      { value: 'processed', meaning: 'an e-mail was processed' },
      { value: 'delivered', meaning: 'an e-mail was delivered' },
      { value: 'bounce', meaning: 'an e-mail bounced' },
    ],
    description: 'The status of the call, message, recording …; `done` and `ended` mean the same.',
    read: (event) => event.status,
  },
  {
    name: 'recording_ready',
    kind: 'boolean',
    presence: 'maybe',
    types: /^recording_/,
    description:
      'Whether the recording has ended. Its file may still be on the way to storage; `email.send` waits for it.',
    read: (event) => event.recording_ready,
  },
  {
    name: 'call_id',
    kind: 'text',
    presence: 'maybe',
    description: 'The call that this is about.',
    read: (event) => event.call_id,
  },
  {
    name: 'root_call_id',
    kind: 'text',
    presence: 'maybe',
    description: 'The first leg of the call: the same for all legs of one conversation.',
    read: (event) => event.root_call_id,
  },
];

const BY_NAME: ReadonlyMap<string, FieldDefinition> = new Map(FIELDS.map((field) => [field.name, field]));

/** Names that only group others: `peer`, `ours`. */
export const FIELD_GROUPS: ReadonlySet<string> = new Set(
  FIELDS.flatMap((field) => (field.name.includes('.') ? [field.name.slice(0, field.name.indexOf('.'))] : [])),
);

/** The names of all fields, without `data`. */
export function fieldNames(): string[] {
  return FIELDS.map((field) => field.name);
}

/** A path into the payload as received: `data.targets.0.destination.target`. */
function dataField(name: string): FieldDefinition {
  const path = name.split('.').slice(1);
  return {
    name,
    kind: 'any',
    presence: 'maybe',
    description: 'A part of the payload as VoIPBIN sent it.',
    read: (event) => {
      let value: JsonValue = event.data;
      for (const part of path) {
        if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) {
          return null;
        }
        value = (Array.isArray(value) ? value[Number(part)] : value[part]) ?? null;
      }
      return value;
    },
  };
}

/** A field by its dotted name; `data.<any path>` is one too. Undefined when there is none. */
export function fieldNamed(name: string): FieldDefinition | undefined {
  if (name.startsWith('data.') && name.split('.').every((part) => part !== '')) {
    return dataField(name);
  }
  return BY_NAME.get(name);
}

/**
 * How surely a field has a value for events of these types (live names): `always`, `maybe` or `never`.
 * @param types null when the rule listens to types that are not known.
 */
export function presenceFor(field: FieldDefinition, types: readonly string[] | null): 'always' | 'maybe' | 'never' {
  const { types: having } = field;
  if (having === undefined || types === null) {
    return field.presence;
  }
  const count = types.filter((type) => having.test(type)).length;
  if (count === 0) {
    return 'never';
  }
  return count < types.length ? 'maybe' : field.presence;
}

/** What people and payloads call a field; only used to suggest the right name. */
export const FIELD_SYNONYMS: ReadonlyMap<string, string> = new Map(
  Object.entries<string>({
    hangup_reason: 'reason',
    hangup_cause: 'reason',
    caller: 'peer.number',
    from: 'peer.number',
    source: 'peer.number',
    'source.target': 'peer.number',
    number: 'peer.number',
    phone: 'peer.number',
    peer_number: 'peer.number',
    to: 'ours.number',
    destination: 'ours.number',
    'destination.target': 'ours.number',
    our_number: 'ours.number',
    ours_number: 'ours.number',
    duration: 'duration_s',
    talk_time: 'talk_s',
    ring_time: 'ring_s',
    message: 'text',
    body: 'text',
    keyword: 'text',
    event: 'type',
    event_type: 'type',
    time: 'occurred_at',
    timestamp: 'occurred_at',
    missed: 'answered',
    recording: 'recording_ready',
    'recording.ready': 'recording_ready',
  }),
);
