import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CanonicalEvent } from '../../src/events/canonical-event';
import { canonicalize } from '../../src/events/canonicalize';
import { knownTypeNames } from '../../src/events/catalogue';
import { parseEnvelope } from '../../src/events/envelope';
import type { JsonObject, JsonValue } from '../../src/events/json';
import { OwnNumbers } from '../../src/events/own-numbers';

const FIXTURES = join(__dirname, '../../config/samples');
const RECEIVED = new Date('2026-09-01T12:00:00Z');
const NOBODY = new OwnNumbers([], null);
const CUSTOMER = '7c4d2f3a-1b8e-4f5c-9a6d-3e2f1a0b4c5d';

function fixture(name: string, ours = NOBODY): CanonicalEvent {
  const body = readFileSync(join(FIXTURES, `${name}.json`));
  const parsed = parseEnvelope(body);
  if (!parsed.ok) {
    throw new Error(`${name}: ${parsed.message}`);
  }
  return canonicalize(parsed.envelope, body, RECEIVED, ours);
}

function from(type: string, data: JsonObject, ours = NOBODY): CanonicalEvent {
  return canonicalize({ type, data }, Buffer.from(JSON.stringify({ type, data })), RECEIVED, ours);
}

function tel(number: string, name: string | null = null) {
  return { type: 'tel', number, name };
}

const NOTHING = {
  customer_id: null,
  direction: null,
  peer: null,
  ours: null,
  answered: null,
  ring_s: null,
  talk_s: null,
  duration_s: null,
  hangup_by: null,
  reason: null,
  text: null,
  status: null,
  recording_ready: null,
  call_id: null,
  root_call_id: null,
  picked_up: null,
  leg: null,
  agent: null,
  call: null,
  pending: undefined,
};

const AGENT = { id: 'eb1ac5c0-ff63-47e2-bcdb-5da9c336eb4b', name: null, username: null };

describe('canonical events', () => {
  const CALL = '5371e9db-d035-4db6-a8d6-0994d33e744e';
  const QUEUECALL = '4d1b8a52-64c1-4a9c-b5f9-7f0a4fb7c8de';
  const PAGE_QUEUECALL = 'c7c1e226-8c86-4b43-9606-2d5bb2059a09';
  const cases: [string, Partial<CanonicalEvent>][] = [
    [
      'call_hungup',
      {
        picked_up: true,
        leg: 'customer',
        type: 'call_hangup',
        declared_type: 'call_hungup',
        event_id: 'call_hangup/593555d2-787e-4b06-862f-407bb2e43be1',
        id: '593555d2-787e-4b06-862f-407bb2e43be1',
        occurred_at: '2022-04-11T06:10:58.431Z',
        direction: 'inbound',
        peer: tel('+821100000002'),
        ours: tel('+821100000001'),
        answered: false,
        ring_s: 0.977,
        talk_s: 2.666,
        duration_s: 3.643,
        hangup_by: 'remote',
        reason: 'normal',
        status: 'hangup',
        call_id: '593555d2-787e-4b06-862f-407bb2e43be1',
        root_call_id: '593555d2-787e-4b06-862f-407bb2e43be1',
      },
    ],
    [
      'call_hangup',
      {
        picked_up: true,
        leg: 'customer',
        type: 'call_hangup',
        declared_type: 'call_hangup',
        event_id: `call_hangup/${CALL}`,
        id: CALL,
        customer_id: CUSTOMER,
        occurred_at: '2026-08-22T06:10:58.431201Z',
        direction: 'inbound',
        peer: tel('+15551234567'),
        ours: tel('+15559876543'),
        answered: false,
        ring_s: 0.977,
        talk_s: 2.666201,
        duration_s: 3.643201,
        hangup_by: 'remote',
        reason: 'normal',
        status: 'hangup',
        call_id: CALL,
        root_call_id: CALL,
      },
    ],
    [
      'call_hangup_unanswered',
      {
        picked_up: false,
        leg: 'customer',
        event_id: 'call_hangup/0f3b6c1d-52a7-4e0e-9d5b-6c4d8f7a2b10',
        occurred_at: '2026-08-22T06:11:24.788Z',
        customer_id: CUSTOMER,
        direction: 'inbound',
        peer: tel('+15551234567'),
        ours: tel('+15559876543'),
        answered: false,
        ring_s: 30,
        talk_s: 0,
        duration_s: 30,
        hangup_by: 'remote',
        reason: 'noanswer',
        status: 'hangup',
        call_id: '0f3b6c1d-52a7-4e0e-9d5b-6c4d8f7a2b10',
        root_call_id: '0f3b6c1d-52a7-4e0e-9d5b-6c4d8f7a2b10',
      },
    ],
    [
      'call_hungup_curl',
      {
        leg: 'customer',
        type: 'call_hangup',
        event_id: 'call_hangup/test-call-id',
        id: 'test-call-id',
        occurred_at: '2026-09-01T12:00:00.000Z',
        peer: tel('+15559876543'),
        ours: tel('+15551234567'),
        reason: 'normal',
        call_id: 'test-call-id',
        root_call_id: 'test-call-id',
      },
    ],
    [
      'call_created',
      {
        leg: 'customer',
        event_id: `call_created/${CALL}`,
        occurred_at: '2022-04-11T00:23:53.636Z',
        direction: 'inbound',
        peer: tel('+821100000002'),
        ours: tel('+821100000001'),
        status: 'ringing',
        call_id: CALL,
        root_call_id: CALL,
      },
    ],
    [
      'call_answered',
      {
        picked_up: true,
        leg: 'customer',
        type: 'call_progressing',
        declared_type: 'call_answered',
        event_id: `call_progressing/${CALL}`,
        occurred_at: '2022-04-11T00:23:55.026Z',
        direction: 'inbound',
        peer: tel('+821100000002'),
        ours: tel('+821100000001'),
        answered: null,
        ring_s: 1.39,
        status: 'progressing',
        call_id: CALL,
        root_call_id: CALL,
      },
    ],
    [
      'call_ringing',
      {
        leg: 'further',
        event_id: 'call_ringing/ad132775-1ab2-485e-856f-72c2e383cdc6',
        occurred_at: '2022-03-29T15:08:03.314Z',
        direction: 'outbound',
        peer: tel('+15559876543'),
        ours: tel('+15559876543'),
        status: 'ringing',
        call_id: 'ad132775-1ab2-485e-856f-72c2e383cdc6',
        root_call_id: '1fe1356f-3f7f-4ff9-9d33-08136b38f506',
      },
    ],
    [
      'call_updated',
      {
        picked_up: true,
        leg: 'customer',
        pending: ['answered'],
        occurred_at: '2022-03-29T14:10:33.709605Z',
        direction: 'inbound',
        peer: tel('test11'),
        ours: tel('+821100000004'),
        answered: null,
        ring_s: 1.743,
        talk_s: 38.476,
        duration_s: 40.219,
        hangup_by: 'remote',
        reason: 'normal',
        status: 'hangup',
        call_id: 'bf682a17-6b3f-412c-bbac-faa81fb9ada3',
        root_call_id: 'bf682a17-6b3f-412c-bbac-faa81fb9ada3',
      },
    ],
    [
      'message_created',
      {
        event_id: 'message_created/a5d2114a-8e84-48cd-8bb2-c406eeb08cd1',
        occurred_at: '2026-08-22T15:11:05.235717Z',
        customer_id: CUSTOMER,
        direction: 'inbound',
        peer: tel('+15551234567'),
        ours: tel('+15559876543'),
        text: 'Hello',
        status: 'received',
      },
    ],
    [
      'message_created_outbound',
      {
        customer_id: CUSTOMER,
        direction: 'outbound',
        peer: tel('+15551234567'),
        ours: tel('+15559876543'),
        text: "Thanks for your message! We'll respond soon.",
        status: 'queued',
      },
    ],
    [
      'message_created_page',
      {
        occurred_at: '2022-04-11T06:12:05.235717Z',
        direction: 'inbound',
        peer: tel('+15551234567'),
        ours: tel('+15559876543'),
        text: 'Hello',
      },
    ],
    [
      'conversation_message_created',
      {
        id: 'a5d2114a-8e84-48cd-8bb2-c406eeb08cd1',
        customer_id: CUSTOMER,
        direction: 'inbound',
        peer: tel('+15551234567'),
        ours: tel('+15559876543'),
        text: 'Hello',
        status: 'done',
      },
    ],
    [
      'webchat_message_created',
      {
        customer_id: CUSTOMER,
        direction: 'inbound',
        peer: { type: 'web_session', number: '1d7f2b6a-93c4-4d8c-b1f3-5a6e7c8d9f02', name: null },
        text: 'Is anybody there?',
        status: 'received',
      },
    ],
    [
      'recording_started',
      {
        pending: ['call'],
        occurred_at: '2026-08-22T06:10:56.010Z',
        customer_id: CUSTOMER,
        status: 'recording',
        recording_ready: false,
        call_id: CALL,
        root_call_id: CALL,
      },
    ],
    [
      'recording_finished',
      {
        pending: ['call'],
        event_id: 'recording_finished/e5f6a7b8-c9d0-1234-5678-90abcdef0123',
        occurred_at: '2026-08-22T06:10:58.500Z',
        customer_id: CUSTOMER,
        status: 'ended',
        recording_ready: true,
        duration_s: 2.49,
        call_id: CALL,
        root_call_id: CALL,
      },
    ],
    [
      'recording_updated_done',
      {
        pending: ['call'],
        type: 'recording_finished',
        declared_type: 'recording_updated',
        event_id: 'recording_finished/e5f6a7b8-c9d0-1234-5678-90abcdef0123',
        occurred_at: '2022-04-11T06:10:58.500Z',
        status: 'ended',
        recording_ready: true,
        duration_s: 2.49,
        call_id: '593555d2-787e-4b06-862f-407bb2e43be1',
        root_call_id: '593555d2-787e-4b06-862f-407bb2e43be1',
      },
    ],
    [
      'queuecall_created',
      {
        pending: ['call'],
        status: 'wait',
        call_id: '1fe1356f-3f7f-4ff9-9d33-08136b38f506',
        root_call_id: '1fe1356f-3f7f-4ff9-9d33-08136b38f506',
      },
    ],
    [
      'queuecall_entering',
      {
        agent: AGENT,
        pending: ['call', 'agent'],
        type: 'queuecall_connecting',
        status: 'entering',
        call_id: '1fe1356f-3f7f-4ff9-9d33-08136b38f506',
        root_call_id: '1fe1356f-3f7f-4ff9-9d33-08136b38f506',
      },
    ],
    [
      'queuecall_serviced',
      {
        agent: AGENT,
        pending: ['call', 'agent'],
        occurred_at: '2022-03-29T15:08:04.811442Z',
        answered: true,
        ring_s: 18.699727,
        status: 'service',
        call_id: '1fe1356f-3f7f-4ff9-9d33-08136b38f506',
        root_call_id: '1fe1356f-3f7f-4ff9-9d33-08136b38f506',
      },
    ],
    [
      'queuecall_done',
      {
        agent: AGENT,
        pending: ['call', 'agent'],
        event_id: `queuecall_done/${PAGE_QUEUECALL}`,
        answered: true,
        ring_s: 18.699727,
        talk_s: 21.003443,
        duration_s: 39.70317,
        status: 'done',
        call_id: '1fe1356f-3f7f-4ff9-9d33-08136b38f506',
        root_call_id: '1fe1356f-3f7f-4ff9-9d33-08136b38f506',
      },
    ],
    [
      'queuecall_waiting',
      { pending: ['call'], customer_id: CUSTOMER, status: 'waiting', call_id: CALL, root_call_id: CALL },
    ],
    [
      'queuecall_serviced_live',
      {
        agent: AGENT,
        pending: ['call', 'agent'],
        customer_id: CUSTOMER,
        answered: true,
        ring_s: 18.5,
        status: 'service',
        call_id: CALL,
        root_call_id: CALL,
      },
    ],
    [
      'queuecall_done_live',
      {
        agent: AGENT,
        pending: ['call', 'agent'],
        event_id: `queuecall_done/${QUEUECALL}`,
        customer_id: CUSTOMER,
        answered: true,
        ring_s: 18.5,
        talk_s: 61.25,
        duration_s: 79.75,
        status: 'done',
        call_id: CALL,
        root_call_id: CALL,
      },
    ],
    [
      'queuecall_abandoned',
      {
        pending: ['call'],
        customer_id: CUSTOMER,
        answered: false,
        ring_s: 42.125,
        talk_s: 0,
        duration_s: 42.125,
        status: 'abandoned',
        call_id: CALL,
        root_call_id: CALL,
      },
    ],
    [
      'transcript_created',
      {
        pending: ['call'],
        occurred_at: '2026-08-22T06:10:58.200Z',
        customer_id: CUSTOMER,
        text: 'Hello, I would like to know your opening hours.',
      },
    ],
    [
      'transcribe_done',
      {
        pending: ['call'],
        occurred_at: '2026-08-22T06:11:02.100Z',
        customer_id: CUSTOMER,
        status: 'done',
        call_id: CALL,
        root_call_id: CALL,
      },
    ],
    ['agent_status_updated', { occurred_at: '2022-03-29T15:08:00.814900Z', status: 'available' }],
    [
      'activeflow_created',
      { pending: ['call'], occurred_at: '2022-04-11T00:23:54.724620Z', call_id: CALL, root_call_id: CALL },
    ],
  ];

  test.each(cases)('%s', (name, expected) => {
    const event = fixture(name);
    const {
      type,
      declared_type: declared,
      event_id: eventId,
      id,
      occurred_at: occurred,
      received_at: received,
      data,
      ...fields
    } = event;
    expect({
      type,
      declared_type: declared,
      event_id: eventId,
      id,
      occurred_at: occurred,
      received_at: received,
      data,
    }).toMatchObject(Object.fromEntries(Object.entries(expected).filter(([key]) => !(key in NOTHING))));
    expect(fields).toEqual({
      ...NOTHING,
      ...Object.fromEntries(Object.entries(expected).filter(([key]) => key in NOTHING)),
    });
    expect(received).toBe('2026-09-01T12:00:00.000Z');
    expect(data).toEqual((JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8')) as { data: unknown }).data);
  });

  test('every fixture is an event, and its id holds no phone number', () => {
    for (const file of readdirSync(FIXTURES)) {
      const event = fixture(file.replace('.json', ''));
      expect(event.event_id).toMatch(/^[a-z_]+\/[A-Za-z0-9-]+(\/[0-9a-f]{16})?$/);
      expect(event.event_id).not.toMatch(/\+?\b(1555|8211)\d+/);
    }
  });

  test('both dialects of one hang-up give the same event, but for what they are made of', () => {
    const live = fixture('call_hangup').data;
    const page = JSON.parse(JSON.stringify(live).replaceAll(/(\d{4}-\d{2}-\d{2})T([\d:.]+)Z/g, '$1 $2')) as JsonObject;
    const { declared_type: one, data: _live, ...liveEvent } = from('call_hangup', live);
    const {
      declared_type: other,
      data: _page,
      ...pageEvent
    } = from('call_hungup', {
      ...page,
      tm_ringing: '9999-01-01 00:00:00.000000',
      chained_call_ids: [],
      hangup_reason: 'normal',
    });
    expect([one, other]).toEqual(['call_hangup', 'call_hungup']);
    expect(pageEvent).toEqual(liveEvent);
  });
});

describe('direction', () => {
  const us = new OwnNumbers(['+15559876543'], 'US');
  const ends = (source: string, destination: string) => ({
    id: 'x',
    source: { type: 'tel', target: source },
    destination: { type: 'tel', target: destination },
  });
  const [peer, ours] = ['+15551234567', '+15559876543'];
  test.each([
    ['call_hungup', ends(peer, ours), NOBODY, null, ours, peer],
    ['call_hungup', ends(peer, ours), us, 'inbound', peer, ours],
    ['call_hungup', ends(ours, peer), us, 'outbound', peer, ours],
    ['call_hungup', ends(peer, '(555) 987-6543'), us, 'inbound', peer, '(555) 987-6543'],
    ['message_created', ends(peer, ours), NOBODY, 'inbound', peer, ours],
    ['message_created', ends(ours, peer), us, 'outbound', peer, ours],
    ['message_created', ends(ours, ours), us, 'outbound', ours, ours],
    ['message_created', { ...ends(ours, peer), direction: 'inbound' }, us, 'inbound', ours, peer],
    ['call_created', { ...ends(peer, ours), direction: 'outgoing' }, us, 'outbound', ours, peer],
    ['call_created', { ...ends(peer, ours), direction: 'sideways' }, NOBODY, null, ours, peer],
  ])('%s %j', (type, data, known, direction, peerNumber, oursNumber) => {
    const event = from(type, data, known);
    expect([event.direction, event.peer?.number, event.ours?.number]).toEqual([direction, peerNumber, oursNumber]);
  });

  test('only an address that says it is a phone can be one of ours', () => {
    const event = from(
      'message_created',
      { source: { type: 'line', target: ours }, destination: { target: ours }, text: 'x' },
      us,
    );
    expect([event.direction, event.peer]).toEqual(['inbound', { type: 'line', number: ours, name: null }]);
  });

  test('of several targets the one that is ours is our end', () => {
    const targets = [peer, ours].map((target) => ({ destination: { type: 'tel', target } }));
    expect(
      from('message_created', { direction: 'inbound', source: { type: 'tel', target: '+15550001111' }, targets }, us)
        .ours?.number,
    ).toBe(ours);
  });
});

describe('calls', () => {
  const base = { id: 'x', status: 'hangup', tm_create: '2026-01-01T00:00:00Z' };
  test.each([
    [
      'clocks that disagree',
      'call_hangup',
      { ...base, tm_progressing: '2026-01-01T00:00:05Z', tm_hangup: '2026-01-01T00:00:04Z' },
      [true, 5, 0, 4],
    ],
    ['hang-up before creation', 'call_hangup', { ...base, tm_hangup: '2025-12-31T23:59:59Z' }, [false, 0, 0, 0]],
    [
      'null times',
      'call_hangup',
      { ...base, tm_progressing: null, tm_hangup: '2026-01-01T00:00:07Z' },
      [false, 7, 0, 7],
    ],
    [
      '9999 times',
      'call_hungup',
      { ...base, tm_progressing: '9999-01-01 00:00:00.000000', tm_hangup: '2026-01-01 00:00:07' },
      [false, 7, 0, 7],
    ],
    [
      'still ringing',
      'call_ringing',
      { id: 'x', status: 'ringing', tm_create: '2026-01-01T00:00:00Z' },
      [null, null, null, null],
    ],
    [
      'talking',
      'call_progressing',
      { id: 'x', tm_create: '2026-01-01T00:00:00Z', tm_progressing: '2026-01-01T00:00:02.5Z' },
      [true, 2.5, null, null],
    ],
    ['answered, without times', 'call_answered', { id: 'x' }, [true, null, null, null]],
    ['no times at all', 'call_hungup', { id: 'x', status: 'hangup' }, [null, null, null, null]],
    ['nothing but a hang-up time', 'call_hangup', { tm_hangup: '2026-01-01T00:00:07Z' }, [false, null, 0, null]],
    [
      'a type that VoIPBIN may add',
      'call_parked',
      { ...base, status: 'parked', tm_progressing: '2026-01-01T00:00:05Z' },
      [true, 5, null, null],
    ],
  ])('%s', (_, type, data, expected) => {
    const event = from(type, data);
    expect([event.answered, event.ring_s, event.talk_s, event.duration_s]).toEqual(expected);
  });

  test('a group call is answered when one of its calls was', () => {
    const group = (answer: string | null) =>
      from('groupcall_hangup', {
        id: 'g',
        master_call_id: 'm',
        answer_call_id: answer,
        destinations: [{ type: 'agent', target: 'a' }],
      });
    expect([group('c').answered, group('00000000-0000-0000-0000-000000000000').answered]).toEqual([true, false]);
    expect(group(null)).toMatchObject({
      call_id: 'm',
      root_call_id: 'm',
      peer: { type: 'agent', number: 'a', name: null },
    });
  });

  test('an id that is a phone number goes into no id', () => {
    const event = from('call_hungup', { id: '+15551234567' });
    expect([event.call_id, event.root_call_id]).toEqual([null, null]);
    expect(event.event_id).toMatch(/^call_hangup\/[0-9a-f]{32}$/);
  });
});

describe('recordings', () => {
  test.each([
    ['recording_finished', {}, true, null],
    ['recording_finished', { status: 'ended' }, true, 'ended'],
    ['recording_updated', { status: 'done' }, true, 'ended'],
    ['recording_updated', { status: 'stopping' }, false, 'stopping'],
    ['recording_created', { status: 'recording' }, false, 'recording'],
    ['recording_deleted', { status: 'ended' }, false, 'ended'],
  ])('%s %j', (type, data, ready, status) => {
    const event = from(type, { id: 'r', ...data });
    expect([event.recording_ready, event.status]).toEqual([ready, status]);
  });

  test('only a reference to a call is one, or one of no stated kind', () => {
    const call = (data: JsonObject) => from('recording_finished', { id: 'r', reference_id: 'c', ...data }).call_id;
    expect([call({ reference_type: 'call' }), call({}), call({ reference_type: 'confbridge' })]).toEqual([
      'c',
      'c',
      null,
    ]);
  });
});

test.each([
  ['recording_started', 'tm_start'],
  ['recording_finished', 'tm_end'],
  ['call_hangup', 'tm_hangup'],
  ['call_progressing', 'tm_progressing'],
  ['call_ringing', 'tm_ringing'],
  ['call_created', 'tm_create'],
  ['call_deleted', 'tm_delete'],
  ['call_updated', 'tm_update'],
  ['queuecall_serviced', 'tm_service'],
  ['transcribe_speech_interim', 'tm_event'],
  ['fax_sent', 'tm_update'],
])('%s happened at %s', (type, best) => {
  const others = ['tm_create', 'tm_update', 'tm_delete', 'tm_hangup', 'tm_end', 'tm_start'].filter(
    (name) => name !== best && !(best === 'tm_event' && name === 'tm_update'),
  );
  const data = {
    ...Object.fromEntries(others.map((name) => [name, '2026-01-01 00:00:00'])),
    [best]: '2026-01-02 00:00:00',
  };
  expect(from(type, data).occurred_at).toBe('2026-01-02T00:00:00.000Z');
});

test('how long an abandoned call waited follows from its times where there is no duration', () => {
  const event = from('queuecall_abandoned', {
    id: 'q',
    tm_create: '2026-01-01 00:00:00',
    tm_service: '2026-01-01 00:00:05',
    tm_delete: '2026-01-01 00:00:09',
  });
  expect([event.answered, event.ring_s, event.talk_s, event.duration_s]).toEqual([false, 9, 0, 9]);
});

describe('anything may come', () => {
  test('an unknown type passes with its data', () => {
    const event = from('fax_sent', {
      id: 'f1',
      customer_id: CUSTOMER,
      status: 'ok',
      reference_type: 'call',
      reference_id: 'c1',
      pages: 3,
    });
    expect(event).toMatchObject({
      type: 'fax_sent',
      event_id: expect.stringMatching(/^fax_sent\/f1\/[0-9a-f]{16}$/),
      status: 'ok',
      call_id: 'c1',
      data: { pages: 3 },
    });
  });

  test.each(['', 'Call Me', '+15551234567', 'a/b', 'x'.repeat(5_000), '\ud800', '__proto__'])('type %.20j', (type) => {
    const event = from(type, { id: 'x' });
    expect(event.event_id).toMatch(/^unknown\/x\/[0-9a-f]{16}$/);
    expect(event.declared_type).toBe(type);
  });

  // Every member that is read anywhere, and every kind of value JSON has, in every type.
  const members =
    'id customer_id source destination destinations targets text message status direction hangup_by hangup_reason tm_create tm_update tm_progressing tm_hangup tm_ringing tm_end tm_start tm_delete tm_service tm_event reference_type reference_id master_call_id answer_call_id session_id duration_waiting duration_service number'.split(
      ' ',
    );
  const values: JsonValue[] = [
    null,
    true,
    0,
    -1e308,
    '',
    'x',
    '\ud800\u0000',
    'call',
    'ended',
    '2026-01-01 00:00:00',
    [],
    [null],
    [[[]]],
    [7, 'x', {}],
    {},
    { target: {} },
    { type: 7, target: 7, name: [] },
    [{ destination: [] }],
    [{ destination: { type: 'tel', target: '+' } }],
  ];

  test.each([...knownTypeNames(), 'call_new', 'nonsense'])('%s takes whatever its members are', (type) => {
    for (const value of values) {
      const all = from(
        type,
        Object.fromEntries(members.map((member) => [member, value])),
        new OwnNumbers(['+15559876543'], 'US'),
      );
      expect(all.event_id.length).toBeLessThan(220);
      for (const seconds of [all.ring_s, all.talk_s, all.duration_s]) {
        expect(seconds === null || seconds >= 0).toBe(true);
      }
      expect(() => JSON.stringify(all)).not.toThrow();
    }
    expect(from(type, {}).occurred_at).toBe('2026-09-01T12:00:00.000Z');
  });
});
