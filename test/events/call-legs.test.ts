import type { CanonicalEvent } from '../../src/events/canonical-event';
import { canonicalize } from '../../src/events/canonicalize';
import type { JsonObject } from '../../src/events/json';
import { NOTHING_KNOWN } from '../../src/events/known-calls';
import { OwnNumbers } from '../../src/events/own-numbers';
import { SeenCalls } from '../../src/events/seen-calls';

const CUSTOMER = '+15551234567';
const LINE = '+15559876543';
const AGENT_PHONE = '+15550009999';
const AGENT_ID = 'eb1ac5c0-ff63-47e2-bcdb-5da9c336eb4b';
const OURS = new OwnNumbers([LINE, AGENT_PHONE], null);

const tel = (target: string): JsonObject => ({ type: 'tel', target });

/** An inbound call that a flow picked up after a second, and that ended after 41 s. */
const INBOUND: JsonObject = {
  id: 'root',
  type: 'flow',
  source: tel(CUSTOMER),
  destination: tel(LINE),
  direction: 'incoming',
  status: 'hangup',
  action: { type: 'talk' },
  hangup_reason: 'normal',
  tm_create: '2026-08-22T06:10:54Z',
  tm_progressing: '2026-08-22T06:10:55Z',
  tm_hangup: '2026-08-22T06:11:35Z',
};
/** The leg to an agent, whom it rang for five seconds. */
const AGENT_LEG: JsonObject = {
  ...INBOUND,
  id: 'leg',
  master_call_id: 'root',
  source: tel(LINE),
  destination: { type: 'extension', target: '1001' },
  direction: 'outgoing',
  owner_type: 'agent',
  owner_id: AGENT_ID,
  tm_progressing: '2026-08-22T06:11:05Z',
};
const UNANSWERED_LEG: JsonObject = { ...AGENT_LEG, tm_progressing: null, hangup_reason: 'noanswer' };

function read(type: string, data: JsonObject, seen?: SeenCalls): CanonicalEvent {
  const body = Buffer.from(JSON.stringify({ type, data }));
  return canonicalize({ type, data }, body, new Date('2026-08-22T06:12:00Z'), OURS, seen ?? NOTHING_KNOWN);
}

function afterEvents(...events: [type: string, data: JsonObject][]): SeenCalls {
  const seen = new SeenCalls();
  events.forEach(([type, data]) => seen.note(type, data));
  return seen;
}

describe.each(['call_hangup', 'call_hungup'])('whether a person answered (%s)', (type) => {
  test('not when only a menu picked up', () => {
    expect(read(type, INBOUND)).toMatchObject({
      answered: false,
      picked_up: true,
      talk_s: 40,
      ring_s: 1,
      duration_s: 41,
    });
    expect(read(type, { ...INBOUND, chained_call_ids: [] }).answered).toBe(false);
  });

  test('not when the leg to the agent was not picked up', () => {
    const seen = afterEvents(['call_hangup', UNANSWERED_LEG]);
    expect(read(type, { ...INBOUND, chained_call_ids: ['leg'] }, seen)).toMatchObject({ answered: false });
  });

  test('when the leg to the agent was picked up, whichever event came first', () => {
    const seen = afterEvents(
      ['call_progressing', AGENT_LEG],
      ['call_created', { ...AGENT_LEG, tm_progressing: null, status: 'dialing' }],
    );
    expect(read(type, { ...INBOUND, chained_call_ids: ['leg'] }, seen)).toMatchObject({
      answered: true,
      agent: { id: AGENT_ID },
    });
    expect(read(type, INBOUND, seen).answered).toBe(true);
  });

  test.each(['ai', 'ai_team', 'conference'])('not when the leg was picked up by %s', (kind) => {
    const seen = afterEvents(['call_progressing', { ...AGENT_LEG, destination: { type: kind, target: 'x' } }]);
    expect(read(type, { ...INBOUND, chained_call_ids: ['leg'] }, seen).answered).toBe(false);
  });

  test('is unknown, and can be looked up, when no event told of the leg', () => {
    const event = read(type, { ...INBOUND, chained_call_ids: ['leg'] });
    expect([event.answered, event.pending]).toEqual([null, ['answered']]);
  });

  test('is unknown in a conference', () => {
    const event = read(type, { ...INBOUND, action: { type: 'conference_join' } });
    expect([event.answered, event.pending]).toEqual([null, undefined]);
  });

  test('not when nothing picked up', () => {
    const missed = read(type, { ...INBOUND, tm_progressing: null });
    expect(missed).toMatchObject({ answered: false, picked_up: false, talk_s: 0, ring_s: 41 });
  });

  test('of an outbound call: when the far end picked up, unless it was an answering machine', () => {
    const outbound = { ...INBOUND, direction: 'outgoing', source: tel(LINE), destination: tel(CUSTOMER) };
    expect(read(type, outbound)).toMatchObject({ answered: true, picked_up: true, talk_s: 40 });
    expect(read(type, { ...outbound, hangup_reason: 'amd' })).toMatchObject({
      answered: false,
      picked_up: true,
    });
  });
});

describe('the leg of a conversation', () => {
  const outbound = { ...INBOUND, direction: 'outgoing', source: tel(LINE) };
  const toAgentFirst = { ...outbound, id: 'first', destination: tel(AGENT_PHONE) };
  const toCustomer = { ...outbound, id: 'second', master_call_id: 'first', destination: tel(CUSTOMER) };

  test('of an inbound call is the customer’s; the legs to agents are internal', () => {
    expect(read('call_hangup', INBOUND).leg).toBe('customer');
    expect(read('call_hangup', AGENT_LEG).leg).toBe('internal');
    expect(read('call_hangup', { ...AGENT_LEG, destination: tel(AGENT_PHONE) }).leg).toBe('internal');
  });

  test('of a click-to-call: the customer’s is the second one', () => {
    const seen = afterEvents(['call_created', toAgentFirst]);
    expect(read('call_hangup', toAgentFirst).leg).toBe('internal');
    expect(read('call_hangup', toCustomer, seen).leg).toBe('customer');
  });

  test('is unknown, and can be looked up, when no event told of the first leg', () => {
    const event = read('call_hangup', toCustomer);
    expect([event.leg, event.pending]).toEqual([null, ['leg']]);
  });

  test('of a transfer to somebody outside is a further one', () => {
    const seen = afterEvents(['call_created', INBOUND]);
    const transfer = { ...toCustomer, master_call_id: 'root', destination: tel('+15557770000') };
    expect(read('call_hangup', transfer, seen).leg).toBe('further');
    // The caller's number was passed on, so no look-up is needed.
    expect(read('call_hangup', { ...transfer, source: tel(CUSTOMER) }).leg).toBe('further');
  });

  test('between two of our numbers is internal', () => {
    expect(read('call_hangup', { ...INBOUND, source: tel(AGENT_PHONE) }).leg).toBe('internal');
  });
});

describe('an event that only names a call', () => {
  const named = { id: 'q', reference_type: 'call', reference_id: 'root', tm_create: '2026-08-22T06:10:56Z' };

  test.each([
    ['queuecall_abandoned', named],
    ['recording_finished', named],
    ['recording_updated', { id: 'q', reference_id: 'root', status: 'done' }],
    ['transcribe_done', named],
    ['activeflow_updated', named],
  ])('has the parties of the call: %s', (type, data) => {
    expect(read(type, data, afterEvents(['call_created', INBOUND]))).toMatchObject({
      direction: 'inbound',
      peer: { type: 'tel', number: CUSTOMER },
      ours: { type: 'tel', number: LINE },
      call: { peer: { number: CUSTOMER }, answered: false, duration_s: 41 },
      call_id: 'root',
    });
  });

  test('a transcript has those of the call that its transcription is of', () => {
    const seen = afterEvents(['call_created', INBOUND], ['transcribe_created', { ...named, id: 't' }]);
    expect(read('transcript_created', { id: 'x', transcribe_id: 't', message: 'hello' }, seen)).toMatchObject({
      peer: { number: CUSTOMER },
      call_id: 'root',
      text: 'hello',
    });
  });

  test('names the agent who took the call', () => {
    const seen = afterEvents(
      ['call_created', INBOUND],
      ['agent_status_updated', { id: AGENT_ID, name: 'Ann Example', username: 'ann@example.com' }],
    );
    expect(read('queuecall_done', { ...named, service_agent_id: AGENT_ID }, seen).agent).toEqual({
      id: AGENT_ID,
      name: 'Ann Example',
      username: 'ann@example.com',
    });
  });

  test.each([
    ['queuecall_abandoned', named, ['call']],
    ['transcript_created', { id: 'x', transcribe_id: 't' }, ['call']],
    ['recording_finished', { ...named, reference_type: 'confbridge' }, undefined],
    ['conference_updated', { id: 'x', transcribe_id: 't' }, undefined],
  ])('lists what a look-up can tell: %s', (type, data, pending) => {
    const event = read(type, data);
    expect([event.peer, event.pending]).toEqual([null, pending]);
  });
});

test('the calls that events told of are forgotten, the oldest first', () => {
  const seen = new SeenCalls();
  for (let index = 0; index < 10_001; index += 1) {
    seen.note('call_created', { ...INBOUND, id: `c${index}` });
  }
  expect([seen.call('c0'), seen.call('c1') === undefined]).toEqual([undefined, false]);
});
