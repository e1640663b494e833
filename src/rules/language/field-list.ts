import type { CallSummary, CanonicalEvent, EventPart, Party } from '../../events/canonical-event';
import { personName } from '../../events/person-name';
import { isWithheld } from '../../events/withheld';
import { ALERT_FIELDS } from './alert-fields';
import type { Choice, FieldDefinition } from './field';

// The resources that have each field, as `src/events` reads them. A test compares the two.
const CALL = /^call_/;
const ANSWERABLE = /^(?:call|groupcall|queuecall)_/;
const TIMED = /^(?:call|queuecall)_/;
const LASTING = /^(?:call|queuecall|recording)_/;
/** Events that refer to a call: their parties are the call's. */
const REFERRING = /^(?:activeflow|aicall|queuecall|recording|summary|transcribe|transcribe_speech|transcript)_/;
const BETWEEN_PARTIES =
  /^(?:call|groupcall|message|conversation_message|webchat_message|activeflow|aicall|queuecall|recording|summary|transcribe|transcribe_speech|transcript)_/;
const OF_CALL = /^(?:call|activeflow|aicall|queuecall|recording|summary|transcribe|transcribe_speech|transcript)_/;
const PICKED_UP = /^(?:call|groupcall)_/;
const WITH_TEXT = /^(?:message|conversation_message|webchat_message|transcript|transcribe_speech)_/;
const MESSAGE = /^message_/;
const EMAIL = /^email_/;
const PARTY_TYPES: readonly Choice[] = [
  { value: 'tel', meaning: 'a phone number' },
  { value: 'sip', meaning: 'a SIP address' },
  { value: 'extension', meaning: 'an extension of the account' },
  { value: 'agent', meaning: 'an agent of the account' },
  { value: 'conference', meaning: 'a conference room' },
  { value: 'email', meaning: 'an e-mail address' },
  { value: 'line', meaning: 'a LINE user' },
  { value: 'whatsapp', meaning: 'a WhatsApp user' },
  { value: 'webchat', meaning: 'a web chat visitor' },
  { value: 'web_session', meaning: 'a browser session' },
  { value: 'ai', meaning: 'an AI agent' },
  { value: 'ai_team', meaning: 'a team of AI agents' },
];

/** What a look-up of the call tells of events that refer to it. */
function fromCall(...parts: readonly EventPart[]): Pick<FieldDefinition, 'lookedUp'> {
  // A call's own event tells its parties; only what its legs say may have to be looked up.
  return { lookedUp: { types: parts.includes('answered') ? OF_CALL : REFERRING, parts } };
}

/** Of the call that the event is of or refers to. */
function ofCall(event: CanonicalEvent): CallSummary | null {
  return CALL.test(event.type) ? event : (event.call ?? null);
}

function party(
  name: string,
  who: string,
  types: RegExp,
  partyOf: (event: CanonicalEvent) => Party | null,
): FieldDefinition[] {
  const part =
    (read: (party: Party) => string | null) =>
    (event: CanonicalEvent): string | null => {
      const found = partyOf(event);
      return found === null ? null : read(found);
    };
  return [
    {
      name: `${name}.number`,
      kind: 'phone',
      presence: 'maybe',
      types,
      ...fromCall('call'),
      description: `The number or address of ${who}. Numbers match in any format. Absent when it is withheld.`,
      read: part(shownNumber),
      absence: part((one) => (one.number !== null && shownNumber(one) === null ? 'withheld' : null)),
    },
    {
      name: `${name}.type`,
      kind: 'choice',
      presence: 'maybe',
      types,
      ...fromCall('call'),
      choices: PARTY_TYPES,
      open: true,
      description: `The type of address of ${who}.`,
      read: part((one) => (one.type === '' ? null : one.type)),
    },
    {
      name: `${name}.name`,
      kind: 'text',
      presence: 'maybe',
      types,
      ...fromCall('call'),
      description: `The display name of ${who}, where VoIPBIN sends one. Absent when it is only a phone number.`,
      read: part((one) => personName(one.name)),
      absence: part((one) => (one.name !== null && personName(one.name) === null ? 'no name' : null)),
    },
  ];
}

/** Types of address whose number a network may withhold. An extension may be `0`, and a web chat visitor `unknown`. */
const WITHHOLDING: ReadonlySet<string> = new Set(['tel', 'sip', 'whatsapp', '']);

/**
 * The number of a party as rules read it: absent when it is withheld, though VoIPBIN sends a text such as `anonymous`. So
 * `exists: false` and `default` mean what they say.
 */
function shownNumber({ type, number }: Party): string | null {
  return number !== null && WITHHOLDING.has(type) && isWithheld(number) ? null : number;
}

const DIRECTION = {
  kind: 'choice',
  presence: 'maybe',
  choices: [
    { value: 'inbound', meaning: 'someone called or texted us', synonyms: ['incoming', 'in', 'received'] },
    { value: 'outbound', meaning: 'we called or texted someone', synonyms: ['outgoing', 'out', 'sent'] },
  ],
} as const satisfies Partial<FieldDefinition>;

/** Every field except `data`, in the order of the documentation. */
export const FIELDS: readonly FieldDefinition[] = [
  {
    name: 'type',
    kind: 'text',
    presence: 'always',
    description: 'The event type under its live name: `call_hangup`.',
    read: (event) => event.type,
  },
  {
    name: 'declared_type',
    kind: 'text',
    presence: 'always',
    description: 'The event type exactly as received: `call_hungup`.',
    read: (event) => event.declared_type,
  },
  {
    name: 'event_id',
    kind: 'text',
    presence: 'always',
    description: "The bridge's id of the event, which is also the id of its workflow run.",
    read: (event) => event.event_id,
  },
  {
    name: 'id',
    kind: 'text',
    presence: 'always',
    description: 'The id of the call, message or recording.',
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
    description: 'When the event happened at VoIPBIN, UTC.',
    read: (event) => event.occurred_at,
  },
  {
    name: 'received_at',
    kind: 'time',
    presence: 'always',
    description: 'When the bridge received the event, UTC.',
    read: (event) => event.received_at,
  },
  {
    name: 'direction',
    ...DIRECTION,
    types: BETWEEN_PARTIES,
    ...fromCall('call'),
    description:
      'The direction of the call or message. For calls VoIPBIN sends incoming and outgoing; rules always use inbound and outbound.',
    read: (event) => event.direction,
  },
  ...party(
    'peer',
    'the remote party (the caller of an inbound call, the sender of an inbound message)',
    BETWEEN_PARTIES,
    (event) => event.peer,
  ),
  ...party('ours', 'our side', BETWEEN_PARTIES, (event) => event.ours),
  {
    name: 'answered',
    kind: 'boolean',
    presence: 'maybe',
    types: ANSWERABLE,
    lookedUp: { types: CALL, parts: ['answered'] },
    description:
      'Whether a person answered. A menu, a queue, a voicemail or an AI that picks up an inbound call is no person: one of the legs that the call was connected to must have been picked up. Known when the call has ended, and as soon as a person answers. Of an outbound call, whoever picks up counts, unless VoIPBIN finds an answering machine. Of a queue call: whether an agent took it.',
    read: (event) => event.answered,
  },
  {
    name: 'picked_up',
    kind: 'boolean',
    presence: 'maybe',
    types: PICKED_UP,
    description: 'Whether anything picked up the call: a person, a menu, a queue, a voicemail.',
    read: (event) => event.picked_up ?? null,
  },
  {
    name: 'leg',
    kind: 'choice',
    presence: 'maybe',
    types: CALL,
    lookedUp: { types: CALL, parts: ['leg'] },
    choices: [
      { value: 'customer', meaning: 'the leg to the person outside', synonyms: ['external', 'main', 'first', 'root'] },
      {
        value: 'internal',
        meaning: 'its far end is an agent, an extension or one of our numbers',
        synonyms: ['agent'],
      },
      { value: 'further', meaning: 'one more leg to somebody outside, such as a transfer', synonyms: ['transfer'] },
    ],
    description: 'Which leg of a conversation the call is. One leg of each conversation is `customer`.',
    read: (event) => event.leg ?? null,
  },
  {
    name: 'ring_s',
    kind: 'seconds',
    presence: 'maybe',
    types: TIMED,
    description:
      'Seconds until something picked up, or until the end when nothing did. Of a queue call: how long it waited.',
    read: (event) => event.ring_s,
  },
  {
    name: 'talk_s',
    kind: 'seconds',
    presence: 'maybe',
    types: TIMED,
    description:
      'Seconds from when anything picked up, also a menu, a queue or a voicemail, to the end; 0 when nothing did. For calls that a person answered, add `answered: true`; the time until then counts, too. Of a queue call: how long the agent had it.',
    read: (event) => event.talk_s,
  },
  {
    name: 'duration_s',
    kind: 'seconds',
    presence: 'maybe',
    types: LASTING,
    description: 'Seconds from the start of ringing to the end of the call. Of a recording: its length.',
    read: (event) => event.duration_s,
  },
  {
    name: 'hangup_by',
    kind: 'choice',
    presence: 'maybe',
    types: CALL,
    open: true,
    choices: [
      { value: 'remote', meaning: 'the remote party hung up', synonyms: ['peer', 'caller', 'customer'] },
      { value: 'local', meaning: 'our side hung up', synonyms: ['us', 'agent'] },
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
      { value: 'normal', meaning: 'normal clearing' },
      { value: 'noanswer', meaning: 'no answer', synonyms: ['no_answer', 'no-answer', 'unanswered', 'missed'] },
      { value: 'busy', meaning: 'the line was busy' },
      { value: 'cancel', meaning: 'the caller hung up before an answer', synonyms: ['canceled', 'cancelled'] },
      { value: 'timeout', meaning: 'the ringing time ran out' },
      { value: 'failed', meaning: 'the call could not be set up', synonyms: ['failure', 'error'] },
      { value: 'dialout', meaning: 'the dial-out failed' },
      { value: 'amd', meaning: 'an answering machine was detected' },
    ],
    description: 'Why the call ended (VoIPBIN: `hangup_reason`).',
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
      { value: 'dialing', types: /^(?:call|groupcall)_/, meaning: 'a call is being set up' },
      { value: 'ringing', types: /^(?:call|groupcall|agent)_/, meaning: 'a call is ringing' },
      {
        value: 'progressing',
        types: /^(?:call|groupcall|conference|transcribe|conversation_message|aicall)_/,
        meaning: 'the call or conference is active',
      },
      {
        value: 'terminating',
        types: /^(?:call|groupcall|conference|aicall)_/,
        meaning: 'the call or conference is ending',
      },
      { value: 'canceling', types: /^(?:call|groupcall)_/, meaning: 'an unanswered call is being cancelled' },
      {
        value: 'hangup',
        types: /^(?:call|groupcall)_/,
        meaning: 'the call has ended',
        synonyms: ['hungup', 'hung_up'],
      },
      {
        value: 'initiating',
        types: /^(?:recording|queuecall|aicall)_/,
        meaning: 'a recording or queue call is starting',
      },
      { value: 'recording', types: /^(?:recording)_/, meaning: 'the recording is running' },
      { value: 'stopping', types: /^(?:recording|campaign)_/, meaning: 'the recording is stopping' },
      {
        value: 'ended',
        types: /^(?:recording|activeflow|transcribe|queuecall|conversation_message|webchat)_/,
        meaning: 'it has ended; equal to `done`',
        synonyms: ['finished', 'completed', 'complete'],
      },
      {
        value: 'done',
        types: /^(?:recording|activeflow|transcribe|queuecall|conversation_message|webchat)_/,
        meaning: 'it has ended; equal to `ended`',
      },
      { value: 'waiting', types: /^(?:queuecall)_/, meaning: 'a queue call is waiting' },
      { value: 'connecting', types: /^(?:queuecall)_/, meaning: 'a queue call is being connected' },
      { value: 'kicking', types: /^(?:queuecall)_/, meaning: 'a queue call is being removed from the queue' },
      { value: 'service', types: /^(?:queuecall)_/, meaning: 'a queue call is with an agent' },
      { value: 'abandoned', types: /^(?:queuecall)_/, meaning: 'the caller left the queue' },
      {
        value: 'failed',
        types: /^(?:message|conversation_message|webchat_message|email)_/,
        meaning: 'a message could not be sent',
      },
      { value: 'running', types: /^(?:activeflow)_/, meaning: 'a flow is running' },
      { value: 'starting', types: /^(?:conference)_/, meaning: 'a conference is starting' },
      { value: 'terminated', types: /^(?:conference|aicall)_/, meaning: 'a conference has ended' },
      { value: 'available', types: /^(?:agent)_/, meaning: 'an agent is available' },
      { value: 'away', types: /^(?:agent)_/, meaning: 'an agent is away' },
      { value: 'busy', types: /^(?:agent)_/, meaning: 'an agent is busy' },
      { value: 'offline', types: /^(?:agent)_/, meaning: 'an agent is offline' },
      { value: 'processed', types: /^(?:email)_/, meaning: 'an e-mail was processed' },
      { value: 'delivered', types: /^(?:email|message|webchat_message)_/, meaning: 'an e-mail was delivered' },
      { value: 'bounce', types: /^(?:email)_/, meaning: 'an e-mail bounced' },
      { value: 'received', types: MESSAGE, meaning: 'a message was received' },
      { value: 'queued', types: MESSAGE, meaning: 'a message waits to be sent' },
      { value: 'sent', types: MESSAGE, meaning: 'a message was sent' },
      { value: 'gw_timeout', types: MESSAGE, meaning: 'the gateway did not take a message' },
      { value: 'dlr_timeout', types: MESSAGE, meaning: 'no delivery report came' },
      { value: 'initiated', types: EMAIL, meaning: 'an e-mail is being sent' },
      { value: 'open', types: EMAIL, meaning: 'an e-mail was opened' },
      { value: 'click', types: EMAIL, meaning: 'a link of an e-mail was opened' },
      { value: 'dropped', types: EMAIL, meaning: 'an e-mail was not sent' },
      { value: 'deferred', types: EMAIL, meaning: 'an e-mail is tried again later' },
      { value: 'unsubscribe', types: EMAIL, meaning: 'the reader unsubscribed' },
      { value: 'spamreport', types: EMAIL, meaning: 'the reader reported spam' },
    ],
    description: 'The status of the call, message or recording. `done` and `ended` are equal.',
    read: (event) => event.status,
  },
  {
    name: 'recording_ready',
    kind: 'boolean',
    presence: 'maybe',
    types: /^recording_/,
    description: 'Whether the recording has ended. Its file may not be stored yet; `email.send` waits for it.',
    read: (event) => event.recording_ready,
  },
  {
    name: 'call_id',
    kind: 'text',
    presence: 'maybe',
    lookedUp: { types: REFERRING, parts: ['call'] },
    description: 'The call that the event belongs to.',
    read: (event) => event.call_id,
  },
  {
    name: 'root_call_id',
    kind: 'text',
    presence: 'maybe',
    lookedUp: { types: REFERRING, parts: ['call'] },
    description: 'The first leg of the call. All legs of one conversation have the same.',
    read: (event) => event.root_call_id,
  },
  {
    name: 'call.direction',
    ...DIRECTION,
    types: OF_CALL,
    ...fromCall('call'),
    description: 'The direction of the call that the event is of or refers to.',
    read: (event) => ofCall(event)?.direction ?? null,
  },
  ...party('call.peer', 'the remote party of the call', OF_CALL, (event) => ofCall(event)?.peer ?? null),
  ...party('call.ours', 'our side of the call', OF_CALL, (event) => ofCall(event)?.ours ?? null),
  {
    name: 'call.answered',
    kind: 'boolean',
    presence: 'maybe',
    types: OF_CALL,
    ...fromCall('call', 'answered'),
    description: 'Whether a person answered the call, as `answered`.',
    read: (event) => ofCall(event)?.answered ?? null,
  },
  {
    name: 'call.talk_s',
    kind: 'seconds',
    presence: 'maybe',
    types: OF_CALL,
    ...fromCall('call'),
    description: 'Talk time of the call in seconds, as `talk_s`.',
    read: (event) => ofCall(event)?.talk_s ?? null,
  },
  {
    name: 'call.duration_s',
    kind: 'seconds',
    presence: 'maybe',
    types: OF_CALL,
    ...fromCall('call'),
    description: 'Seconds from the start of the call to its end.',
    read: (event) => ofCall(event)?.duration_s ?? null,
  },
  {
    name: 'call.agent.id',
    kind: 'text',
    presence: 'maybe',
    types: OF_CALL,
    ...fromCall('call', 'answered'),
    description: "The agent who took the call: VoIPBIN's id.",
    read: (event) => event.agent?.id ?? null,
  },
  {
    name: 'call.agent.name',
    kind: 'text',
    presence: 'maybe',
    types: OF_CALL,
    ...fromCall('call', 'answered', 'agent'),
    description: 'The name of the agent who took the call.',
    read: (event) => event.agent?.name ?? null,
  },
  {
    name: 'call.agent.username',
    kind: 'text',
    presence: 'maybe',
    types: OF_CALL,
    ...fromCall('call', 'answered', 'agent'),
    description: 'The user name of the agent who took the call; mostly an e-mail address.',
    read: (event) => event.agent?.username ?? null,
  },
  ...ALERT_FIELDS,
];
