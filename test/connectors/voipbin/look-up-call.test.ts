import { ActionError } from '../../../src/connectors/action-error';
import { VoipbinClient } from '../../../src/connectors/voipbin/client';
import { lookUpCall } from '../../../src/connectors/voipbin/look-up-call';
import { startVoipbinStandIn, type VoipbinStandIn } from '../../../src/connectors/voipbin/stand-in/server';
import type { CanonicalEvent, EventPart } from '../../../src/events/canonical-event';
import { canonicalize } from '../../../src/events/canonicalize';
import { eventWithFound } from '../../../src/events/complete-event';
import type { JsonObject } from '../../../src/events/json';
import { HostList } from '../../../src/net/host-list';
import { Secret } from '../../../src/settings/secret';
import { runAttempt } from './run-action';

const CUSTOMER = '+15551234567';
const LINE = '+15559876543';
const OURS = { has: (number: string) => number === LINE };
const tel = (target: string): JsonObject => ({ type: 'tel', target });
const CALL: JsonObject = {
  id: 'c1',
  source: tel(CUSTOMER),
  destination: tel(LINE),
  direction: 'incoming',
  status: 'hangup',
  chained_call_ids: ['leg-1', 'leg-2'],
  tm_create: '2026-03-02T00:58:00Z',
  tm_progressing: '2026-03-02T00:58:05Z',
  tm_hangup: '2026-03-02T01:00:00Z',
};
const LEG: JsonObject = {
  source: tel(LINE),
  destination: { type: 'extension', target: '1001' },
  direction: 'outgoing',
  status: 'hangup',
  master_call_id: 'c1',
  owner_type: 'agent',
  owner_id: 'a1',
  tm_create: '2026-03-02T00:58:10Z',
  tm_hangup: '2026-03-02T01:00:00Z',
};

let standIn: VoipbinStandIn;
let client: VoipbinClient;

beforeEach(async () => {
  standIn = await startVoipbinStandIn();
  client = new VoipbinClient({
    apiUrl: standIn.url,
    accessKey: new Secret('vb_stand-in'),
    downloadAllow: HostList.EMPTY,
  });
});

afterEach(async () => {
  await client.close();
  await standIn.stop();
});

function eventOf(type: string, data: JsonObject): CanonicalEvent {
  return canonicalize({ type, data }, Buffer.from(JSON.stringify(data)), new Date(), OURS);
}

/** The event as the steps of a run see it. */
async function completed(event: CanonicalEvent, parts: readonly EventPart[] = ['call', 'answered', 'leg', 'agent']) {
  const outcome = await runAttempt(lookUpCall, { client, event, ours: [LINE] }, { parts: [...parts] });
  if (outcome.outcome !== 'done') {
    throw new Error('the look-up did nothing');
  }
  // Through JSON, as in a run's history.
  return eventWithFound(event, JSON.parse(JSON.stringify(outcome.result)), OURS);
}

const asked = (): string[] => standIn.requests.map(({ path }) => path.replace('/v1.0', ''));

test('a queue call gets the parties of its call, whether a person answered, and the agent', async () => {
  standIn.addCall(CALL);
  standIn.addCall({ ...LEG, id: 'leg-1', hangup_reason: 'noanswer' });
  standIn.addCall({ ...LEG, id: 'leg-2', tm_progressing: '2026-03-02T00:59:00Z' });
  standIn.addAgent({ id: 'a1', name: 'Ann Example', username: 'ann@example.com' });
  const event = eventOf('queuecall_done', { id: 'q', reference_type: 'call', reference_id: 'c1' });
  expect(event.pending).toEqual(['call']);
  expect(await completed(event)).toMatchObject({
    direction: 'inbound',
    peer: { type: 'tel', number: CUSTOMER },
    ours: { number: LINE },
    call: { answered: true, talk_s: 115, duration_s: 120 },
    agent: { id: 'a1', name: 'Ann Example', username: 'ann@example.com' },
    pending: undefined,
  });
  expect(asked()).toEqual(['/calls/c1', '/calls/leg-1', '/calls/leg-2', '/agents/a1']);
  // Nothing of it can change any more.
  await completed(eventOf('recording_finished', { id: 'r', reference_type: 'call', reference_id: 'c1' }));
  expect(asked()).toHaveLength(4);
});

test('only what the rules need is asked for', async () => {
  standIn.addCall(CALL);
  const event = eventOf('queuecall_abandoned', { id: 'q', reference_type: 'call', reference_id: 'c1' });
  expect(await completed(event, ['call'])).toMatchObject({ peer: { number: CUSTOMER } });
  expect(asked()).toEqual(['/calls/c1']);
});

test('an inbound call is answered when one of its legs was picked up', async () => {
  standIn.addCall({ ...LEG, id: 'leg-1', tm_progressing: '2026-03-02T00:58:30Z' });
  standIn.addCall({ ...LEG, id: 'leg-2' });
  expect(await completed(eventOf('call_hangup', CALL))).toMatchObject({ answered: true, picked_up: true });
});

test('an inbound call is not answered when VoIPBIN has none of its legs any more', async () => {
  const event = await completed(eventOf('call_hangup', CALL));
  expect([event.answered, event.pending]).toEqual([false, undefined]);
});

test('a further leg is the customer’s when the first one rang an end of ours', async () => {
  const leg = { ...LEG, id: 'l', destination: tel(CUSTOMER), owner_type: '' };
  standIn.addCall({ ...CALL, direction: 'outgoing', source: tel(LINE), destination: { type: 'agent', target: 'a1' } });
  expect((await completed(eventOf('call_hangup', leg))).leg).toBe('customer');
  standIn.addCall({ ...CALL, id: 'c2' });
  expect((await completed(eventOf('call_hangup', { ...leg, master_call_id: 'c2' }))).leg).toBe('further');
});

test.each(['call', 'recording'])('a transcript is of the call that its transcription of a %s is of', async (of) => {
  standIn.addCall(CALL);
  standIn.addRecording({ id: 'r1', callId: 'c1' });
  standIn.addTranscribe({ id: 't1', reference_type: of, reference_id: of === 'call' ? 'c1' : 'r1' });
  const event = eventOf('transcript_created', { id: 'x', transcribe_id: 't1', message: 'hello' });
  expect(await completed(event)).toMatchObject({ call_id: 'c1', peer: { number: CUSTOMER }, text: 'hello' });
});

test('an agent whose name the access key may not read has an id only', async () => {
  standIn.addCall(CALL);
  standIn.failNext({ path: '/agents/', how: { status: 403 }, times: 9 });
  const data = { id: 'q', reference_type: 'call', reference_id: 'c1', service_agent_id: 'a1' };
  expect((await completed(eventOf('queuecall_done', data))).agent).toEqual({ id: 'a1', name: null, username: null });
});

test.each([
  [503, 'transient'],
  [400, 'permanent'],
])('VoIPBIN’s refusal %s is passed on as %s, and nothing is remembered of it', async (status, errorClass) => {
  standIn.addCall(CALL);
  standIn.failNext({ path: '/calls/', how: { status } });
  const event = eventOf('queuecall_abandoned', { id: 'q', reference_type: 'call', reference_id: 'c1' });
  const error: unknown = await completed(event).catch((thrown: unknown) => thrown);
  expect(error instanceof ActionError ? error.errorClass : error).toBe(errorClass);
  expect(await completed(event)).toMatchObject({ peer: { number: CUSTOMER } });
});

test.each([401, 403])('an access key that may not read calls (%s) stops look-ups only', async (status) => {
  standIn.failNext({ path: '/calls/', how: { status } });
  const event = eventOf('queuecall_abandoned', { id: 'q', reference_type: 'call', reference_id: 'c1' });
  const error: unknown = await completed(event).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    errorClass: 'credential',
    detail: { connection: 'voipbin', part: 'calls', remedy: expect.stringContaining('read calls') },
  });
});
