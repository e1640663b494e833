import { ActionError } from '../../../src/connectors/action-error';
import { VoipbinClient } from '../../../src/connectors/voipbin/client';
import { sendMessage } from '../../../src/connectors/voipbin/send-message';
import type { StandInFailure } from '../../../src/connectors/voipbin/stand-in/failures';
import { startVoipbinStandIn, type VoipbinStandIn } from '../../../src/connectors/voipbin/stand-in/server';
import type { CanonicalEvent } from '../../../src/events/canonical-event';
import type { JsonObject } from '../../../src/events/json';
import { HostList } from '../../../src/net/host-list';
import { Secret } from '../../../src/settings/secret';
import { inboundText, MemoryCooldowns, MemoryOptOuts, runAttempt, type StepSetting } from './run-action';

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

function attempt(setting: Partial<StepSetting<VoipbinClient>> = {}, input: JsonObject = { text: 'Thanks!' }) {
  return runAttempt(sendMessage, { client, ...setting }, input);
}

async function failureOf(running: Promise<unknown>): Promise<ActionError> {
  const error: unknown = await running.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ActionError)) {
    throw new Error('expected an ActionError');
  }
  return error;
}

/** The twin that VoIPBIN's conversations send for the same message. */
function twin(): CanonicalEvent {
  return inboundText({
    type: 'conversation_message_created',
    declared_type: 'conversation_message_created',
    event_id: 'conversation_message_created/m-1',
    data: { reference_type: 'message' },
  });
}

describe('what is sent', () => {
  test('one text to the sender, from the number that was texted', async () => {
    const outcome = await attempt();

    expect(standIn.sent).toEqual([
      { id: expect.any(String), from: '+15559876543', to: '+15551234567', text: 'Thanks!' },
    ]);
    expect(outcome).toEqual({ outcome: 'done', result: { message: { id: standIn.sent[0]?.id, status: 'queued' } } });
  });

  test('a missed call can be answered by a text', async () => {
    await attempt({ event: inboundText({ type: 'call_hangup', event_id: 'call_hangup/c-1', text: null }) });

    expect(standIn.sent).toMatchObject([{ from: '+15559876543', to: '+15551234567' }]);
  });

  test('a number in the form of an earlier numbering plan is texted in the form of today', async () => {
    await attempt({ event: inboundText({ peer: { type: 'tel', number: '+5215512345678', name: null } }) });

    expect(standIn.sent).toMatchObject([{ to: '+525512345678' }]);
  });

  test('an outbound call only where the rule names the recipient', async () => {
    const event = inboundText({ type: 'call_hangup', event_id: 'call_hangup/c-1', direction: 'outbound' });

    expect(await attempt({ event })).toEqual({ outcome: 'skipped', reason: 'call_not_inbound' });
    expect(await attempt({ event }, { text: 'Hi', to: '+1 555 123 4567' })).toMatchObject({ outcome: 'done' });
    expect(standIn.sent).toMatchObject([{ to: '+15551234567' }]);
  });

  test('the access key goes in the cookie and never in an address', async () => {
    await attempt({ attempt: 2 });

    expect(standIn.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /v1.0/messages',
      'GET /v1.0/messages',
      'POST /v1.0/messages',
    ]);
    expect(standIn.requests.every(({ credential, query }) => credential === 'cookie' && !query.includes('vb_'))).toBe(
      true,
    );
  });
});

describe('the loop guard', () => {
  const tel = (number: string) => ({ type: 'tel', number, name: null });
  test.each<[string, Partial<CanonicalEvent>, JsonObject, string]>([
    ['our own text', { direction: 'outbound' }, {}, 'not_inbound'],
    ['our own text, whoever is named', { direction: 'outbound' }, { to: '+15550001111' }, 'not_inbound'],
    ['a message of unknown direction', { direction: null }, {}, 'not_inbound'],
    [
      'our own text as a conversation',
      { type: 'conversation_message_created', direction: 'outbound', data: { reference_type: 'message' } },
      {},
      'not_inbound',
    ],
    [
      'a conversation that our text opened',
      { type: 'conversation_created', direction: null, peer: null },
      { to: '+15550001111' },
      'not_inbound',
    ],
    ['one of our numbers', { peer: tel('+15550000001') }, {}, 'own_number'],
    ['one of our numbers, named', {}, { to: '+1 555 000 0001' }, 'own_number'],
    ['the number it is sent from', { peer: tel('+15557770000'), ours: tel('+15557770000') }, {}, 'own_number'],
    ['a short code', { peer: tel('73737') }, {}, 'not_a_phone'],
    ['a name', { peer: tel('BANK') }, {}, 'not_a_phone'],
    ['anonymous', { peer: tel('anonymous') }, {}, 'withheld'],
    ['the digits of ANONYMOUS', { peer: tel('+266696687') }, {}, 'withheld'],
    ['anonymous, named by the rule', { peer: tel('anonymous') }, { to: '' }, 'withheld'],
    ['anonymous, as VoIPBIN sent it', { peer: tel('anonymous') }, { to: 'anonymous' }, 'withheld'],
    ['a sender without a number', { peer: { type: 'tel', number: null, name: null } }, {}, 'not_a_phone'],
    [
      'an agent whose id looks like a number',
      { peer: { type: 'agent', number: '+15551234567', name: null } },
      { to: '+15551234567' },
      'not_a_phone',
    ],
    ['WhatsApp', { type: 'conversation_message_created', data: { reference_type: 'whatsapp' } }, {}, 'other_channel'],
    [
      'web chat',
      { type: 'webchat_message_created', peer: { type: 'web_session', number: 'abc', name: null } },
      {},
      'not_a_phone',
    ],
    ['a call of unknown direction', { type: 'call_hangup', direction: null }, {}, 'call_not_inbound'],
    ['STOP', { text: 'STOP' }, {}, 'opted_out'],
    ['a polite stop', { text: 'Stop. Thank you' }, {}, 'opted_out'],
    ['STOP, its sender named by the rule', { text: 'STOP' }, { to: '+1 (555) 123-4567' }, 'opted_out'],
    [
      'STOP as a conversation',
      { type: 'conversation_message_created', text: 'STOP', data: { reference_type: 'message' } },
      {},
      'opted_out',
    ],
    ['an opt-out in the language of its country', { text: '수신거부', peer: tel('+821012345678') }, {}, 'opted_out'],
    ['a reaction', { text: 'Liked “Thanks!”' }, {}, 'reaction'],
    ['an absence note', { text: 'Automatic reply: I am away.' }, {}, 'automatic'],
    ['a delivery report', { text: 'Message not delivered' }, {}, 'automatic'],
  ])('skips %s', async (_what, changes, input, reason) => {
    const outcome = await attempt(
      { event: inboundText(changes), ours: ['+15559876543', '+15550000001'] },
      { text: 'Thanks!', ...input },
    );

    expect(outcome).toEqual({ outcome: 'skipped', reason });
    expect(standIn.requests).toEqual([]);
  });

  test.each<[string, Partial<CanonicalEvent>, JsonObject, string]>([
    ['no recipient', { type: 'number_created', direction: null, peer: null }, { from: '+15559876543' }, 'no_recipient'],
    ['no number to send from', { ours: null }, {}, 'no_sender'],
    ['a recipient that is no number', {}, { to: 'the boss' }, 'invalid_to'],
    ['a recipient that is empty', {}, { to: '' }, 'invalid_to'],
    ['a sender that is no number', {}, { from: 'Acme' }, 'invalid_from'],
    ['an empty text', {}, { text: '  ' }, 'empty_text'],
    ['a text of NUL only', {}, { text: '\0' }, 'empty_text'],
    ['a text of eleven parts', {}, { text: 'a'.repeat(1_531) }, 'text_too_long'],
    ['a text of eleven parts with an emoji', {}, { text: `${'a'.repeat(669)}👍` }, 'text_too_long'],
  ])('%s fails for good', async (_what, changes, input, code) => {
    const failure = await failureOf(attempt({ event: inboundText(changes) }, { text: 'Thanks!', ...input }));

    expect(failure).toMatchObject({ errorClass: 'permanent', detail: { code, remedy: expect.any(String) } });
    expect(standIn.requests).toEqual([]);
  });
});

describe('at most one', () => {
  test('within the cooldown only the first of two messages is answered, whichever rule asks', async () => {
    const cooldowns = new MemoryCooldowns();
    await attempt({ cooldowns });
    const second = inboundText({ id: 'm-2', event_id: 'message_created/m-2' });

    expect(await attempt({ cooldowns, event: second })).toEqual({ outcome: 'skipped', reason: 'cooldown' });
    expect(await attempt({ cooldowns, rule: 'other' })).toEqual({ outcome: 'skipped', reason: 'cooldown' });
    cooldowns.now += 5 * 60_000;
    expect(
      await attempt({ cooldowns, event: inboundText({ id: 'm-3', event_id: 'message_created/m-3' }) }),
    ).toMatchObject({ outcome: 'done' });
    expect(standIn.sent).toHaveLength(2);
  });

  test.each([undefined, '0', '1s'])('a message and its twin are answered once (cooldown %s)', async (cooldown) => {
    const cooldowns = new MemoryCooldowns();
    const input = { text: 'Thanks!', ...(cooldown === undefined ? {} : { cooldown }) };
    await attempt({ cooldowns, event: twin() }, input);
    cooldowns.now += 2_000;

    expect(await attempt({ cooldowns }, input)).toEqual({ outcome: 'skipped', reason: 'already_answered' });
    expect(standIn.sent).toHaveLength(1);
  });

  test('cooldown 0 lets the next message be answered', async () => {
    const cooldowns = new MemoryCooldowns();
    await attempt({ cooldowns }, { text: 'a', cooldown: '0' });
    await attempt(
      { cooldowns, event: inboundText({ id: 'm-2', event_id: 'message_created/m-2' }) },
      { text: 'b', cooldown: '0' },
    );

    expect(standIn.sent.map(({ text }) => text)).toEqual(['a', 'b']);
  });

  test('a refusal gives the cooldown back, an attempt that may have sent does not', async () => {
    const cooldowns = new MemoryCooldowns();
    standIn.failNext({ path: '/messages', method: 'POST', how: { status: 400 } });
    await failureOf(attempt({ cooldowns }));
    expect(cooldowns.held.size).toBe(0);

    standIn.failNext({ path: '/messages', method: 'POST', how: 'reset' });
    await failureOf(attempt({ cooldowns }));
    expect(cooldowns.held.size).toBe(2);
  });

  test('nothing is sent while cooldowns cannot be asked, and a refusal is reported though they cannot be given back', async () => {
    const away = new MemoryCooldowns();
    away.claim = () => Promise.reject(new Error('14 UNAVAILABLE'));
    expect(await failureOf(attempt({ cooldowns: away }))).toMatchObject({
      errorClass: 'transient',
      detail: { code: 'cooldown_unavailable' },
    });
    expect(standIn.requests).toEqual([]);

    const sticky = new MemoryCooldowns();
    sticky.release = () => Promise.reject(new Error('14 UNAVAILABLE'));
    standIn.failNext({ path: '/messages', method: 'POST', how: { status: 402 } });
    expect(await failureOf(attempt({ cooldowns: sticky }))).toMatchObject({ errorClass: 'credential' });
  });

  test('a refusal after an attempt that may have sent keeps the cooldown', async () => {
    const cooldowns = new MemoryCooldowns();
    const step = { cooldowns, progress: { last: null }, startedAt: new Date() };
    standIn.failNext({ path: '/messages', method: 'POST', how: 'reset' });
    await failureOf(attempt(step));
    standIn.failNext({ path: '/messages', method: 'POST', how: { status: 400 } });
    await failureOf(attempt({ ...step, attempt: 2 }));

    expect(cooldowns.held.size).toBe(2);
  });
});

describe('a lost answer', () => {
  test.each<[string, StandInFailure]>([
    ['the connection broke', 'lose_answer'],
    [
      '503 REQUEST_TIMEOUT',
      {
        status: 503,
        body: { error: { status: 'UNAVAILABLE', reason: 'REQUEST_TIMEOUT', message: '', request_id: 'req_1' } },
        after_effect: true,
      },
    ],
    ['500 without a word', { status: 500, body: '', after_effect: true }],
    ['200 that is no JSON', { status: 200, body: '<html>', after_effect: true }],
  ])('%s, the text was sent: found, not sent again', async (_how, how) => {
    standIn.failNext({ path: '/messages', method: 'POST', how });

    expect(await attempt()).toEqual({
      outcome: 'done',
      result: { message: { id: standIn.sent[0]?.id, status: 'queued' } },
    });
    expect(standIn.sent).toHaveLength(1);
  });

  test.each<[string, StandInFailure]>([
    ['the connection broke', 'reset'],
    ['503', { status: 503 }],
  ])('%s, the text was not sent: sent exactly once by the next attempt', async (_how, how) => {
    const step = { progress: { last: null }, startedAt: new Date(), cooldowns: new MemoryCooldowns() };
    standIn.failNext({ path: '/messages', method: 'POST', how });

    const failure = await failureOf(attempt(step));
    expect(failure).toMatchObject({ errorClass: 'transient', detail: { retryAfterMs: 10_000 } });
    expect(standIn.sent).toHaveLength(0);
    expect(await attempt({ ...step, attempt: 2 })).toMatchObject({ outcome: 'done' });
    expect(standIn.sent).toHaveLength(1);
  });

  test('the worker died after the text was sent: the next attempt finds it', async () => {
    const startedAt = new Date();
    await attempt({ startedAt });

    expect(await attempt({ startedAt, attempt: 2 })).toEqual({
      outcome: 'done',
      result: { message: { id: standIn.sent[0]?.id, status: 'queued' } },
    });
    expect(standIn.sent).toHaveLength(1);
  });

  test('looking fails in passing: not sent again before it could look', async () => {
    const startedAt = new Date();
    await attempt({ startedAt });
    standIn.failNext({ path: '/messages', method: 'GET', how: { status: 503 } });

    expect(await failureOf(attempt({ startedAt, attempt: 2 }))).toMatchObject({ errorClass: 'transient' });
    expect(standIn.sent).toHaveLength(1);
  });

  test('looking is impossible: ambiguous, and not sent again', async () => {
    standIn.failNext({ path: '/messages', method: 'GET', how: { status: 404 } });

    expect(await failureOf(attempt({ attempt: 2 }))).toMatchObject({
      errorClass: 'ambiguous',
      detail: { remedy: expect.any(String) },
    });
    expect(standIn.sent).toHaveLength(0);
  });

  test('texts of before, to others, or with other words do not count as found', async () => {
    const old = new Date(Date.now() - 6 * 60_000).toISOString();
    const message = (changes: JsonObject): JsonObject => ({
      direction: 'outbound',
      source: { type: 'tel', target: '+15559876543' },
      targets: [{ destination: { type: 'tel', target: '+15551234567' }, status: 'queued' }],
      text: 'Thanks!',
      ...changes,
    });
    standIn.addMessage(message({ tm_create: old }));
    standIn.addMessage(message({ text: 'Other' }));
    standIn.addMessage(message({ direction: 'inbound' }));
    standIn.addMessage(message({ source: { type: 'tel', target: '+15550000002' } }));
    standIn.addMessage(message({ targets: [{ destination: { type: 'tel', target: '+15550000003' } }] }));
    standIn.addMessage(message({ targets: null, source: null }));

    await attempt({ attempt: 2 });
    expect(standIn.sent).toHaveLength(1);
  });

  test('it looks through every page', async () => {
    const startedAt = new Date();
    await attempt({ startedAt });
    for (let n = 0; n < 250; n += 1) {
      standIn.addMessage({
        text: String(n),
        direction: 'inbound',
        tm_create: new Date(Date.now() + 1_000).toISOString(),
      });
    }

    expect(await attempt({ startedAt, attempt: 2 })).toMatchObject({ outcome: 'done' });
    expect(standIn.sent).toHaveLength(1);
  });
});

describe('the longest texts', () => {
  test.each([
    ['of the carriers’ alphabet', 'é'.repeat(1_530)],
    ['with an emoji', `${'a'.repeat(668)}👍`],
  ])('%s go out', async (_what, text) => {
    expect(await attempt({}, { text })).toMatchObject({ outcome: 'done' });
    expect(standIn.sent).toMatchObject([{ text }]);
  });

  test('half of an emoji is replaced, because it is no text', async () => {
    await attempt({}, { text: 'Hi \ud83d' });

    expect(standIn.sent).toMatchObject([{ text: 'Hi \ufffd' }]);
  });

  test('the failure names the field and not the text', async () => {
    const failure = await failureOf(attempt({}, { text: 'secret '.repeat(300) }));

    expect(failure.message).toMatch(/`text` has 2100 characters, which makes 14 parts/);
    expect(JSON.stringify([failure.message, failure.detail])).not.toContain('secret');
  });
});

describe('people who asked for no more texts', () => {
  const at = (minute: number): string => new Date(Date.UTC(2026, 2, 2, 9, minute)).toISOString();
  const textAt = (minute: number, text: string, changes: Partial<CanonicalEvent> = {}): CanonicalEvent =>
    inboundText({
      id: `m-${minute}`,
      event_id: `message_created/m-${minute}`,
      text,
      occurred_at: at(minute),
      ...changes,
    });
  const PAIR = { ours: '+15559876543', peer: '+15551234567' };
  let optOuts: MemoryOptOuts;

  beforeEach(() => {
    optOuts = new MemoryOptOuts();
  });

  test.each<[string, Partial<CanonicalEvent>, JsonObject]>([
    ['answers a later text', { text: 'Hello' }, {}],
    ['answers a missed call', { type: 'call_hangup', event_id: 'call_hangup/c-1', text: null }, {}],
    ['names the person', { type: 'call_hangup', direction: null, text: null }, { to: '+1 555 123 4567' }],
    ['has no cooldown', { text: 'Hello' }, { cooldown: '0' }],
  ])('get none from a rule that %s', async (_what, changes, input) => {
    await optOuts.record(PAIR, 'out', new Date(at(0)));
    const outcome = await attempt({ event: inboundText(changes), optOuts }, { text: 'Hi', ...input });

    expect(outcome).toEqual({ outcome: 'skipped', reason: 'opted_out' });
    expect(standIn.requests).toEqual([]);
  });

  test('get texts from our other numbers', async () => {
    await optOuts.record(PAIR, 'out', new Date(at(0)));
    const ours = { type: 'tel', number: '+15550009999', name: null };

    expect(await attempt({ event: textAt(1, 'Hello', { ours }), optOuts })).toMatchObject({ outcome: 'done' });
  });

  test('who ask in the middle of a retry get nothing more', async () => {
    const shared = { progress: { last: null }, startedAt: new Date(), cooldowns: new MemoryCooldowns(), optOuts };
    standIn.failNext({ path: '/messages', method: 'POST', how: 'reset' });
    await failureOf(attempt(shared));
    await optOuts.record(PAIR, 'out', new Date(at(1)));

    expect(await attempt({ ...shared, attempt: 2 })).toEqual({ outcome: 'skipped', reason: 'opted_out' });
    expect(standIn.sent).toHaveLength(0);
  });

  test('are answered when they ask for texts again, but not when a later STOP is known', async () => {
    await optOuts.record(PAIR, 'out', new Date(at(0)));
    expect(await attempt({ event: textAt(5, 'START'), optOuts })).toMatchObject({ outcome: 'done' });
    await optOuts.record(PAIR, 'out', new Date(at(9)));

    const late = { event: textAt(7, 'start'), optOuts, cooldowns: new MemoryCooldowns() };
    expect(await attempt(late)).toEqual({ outcome: 'skipped', reason: 'opted_out' });
  });

  test('nothing is sent while that cannot be asked', async () => {
    optOuts.since = () => Promise.reject(new Error('14 UNAVAILABLE'));

    expect(await failureOf(attempt({ optOuts }))).toMatchObject({
      errorClass: 'transient',
      detail: { code: 'opt_outs_unavailable' },
    });
    expect(standIn.requests).toEqual([]);
  });

  describe('a confirmation', () => {
    const confirm = { text: 'You get no more texts. Reply START to get them again.', to_opted_out: 'confirm' };

    test('answers the opt-out, also within the cooldown of another text', async () => {
      const cooldowns = new MemoryCooldowns();
      await attempt({ event: textAt(0, 'Hello'), optOuts, cooldowns });

      expect(await attempt({ event: textAt(1, 'STOP'), optOuts, cooldowns, rule: 'confirm' }, confirm)).toMatchObject({
        outcome: 'done',
      });
      expect(standIn.sent.map(({ text }) => text)).toEqual(['Thanks!', confirm.text]);
      expect(await optOuts.since(PAIR)).toEqual(new Date(at(1)));
    });

    test('is sent once: not for a second STOP, and not by a second rule', async () => {
      const shared = { optOuts, cooldowns: new MemoryCooldowns() };
      await attempt({ ...shared, event: textAt(1, 'STOP') }, confirm);

      expect(await attempt({ ...shared, event: textAt(1, 'STOP'), rule: 'other' }, confirm)).toEqual({
        outcome: 'skipped',
        reason: 'already_confirmed',
      });
      shared.cooldowns.now += 24 * 3_600_000;
      expect(await attempt({ ...shared, event: textAt(30, 'STOP') }, confirm)).toEqual({
        outcome: 'skipped',
        reason: 'already_confirmed',
      });
      expect(standIn.sent).toHaveLength(1);
    });

    test('is sent again for a new opt-out after START', async () => {
      const shared = { optOuts, cooldowns: new MemoryCooldowns() };
      await attempt({ ...shared, event: textAt(1, 'STOP') }, confirm);
      await optOuts.record(PAIR, 'in', new Date(at(2)));
      shared.cooldowns.now += 3_600_000;

      expect(await attempt({ ...shared, event: textAt(30, 'STOP') }, confirm)).toMatchObject({ outcome: 'done' });
    });

    test.each([
      ['another text', textAt(1, 'Hello')],
      ['START', textAt(1, 'START')],
      ['a call', inboundText({ type: 'call_hangup', event_id: 'call_hangup/c-1', text: null })],
    ])('is not sent for %s', async (_what, event) => {
      expect(await attempt({ event, optOuts }, confirm)).toEqual({ outcome: 'skipped', reason: 'no_opt_out' });
    });

    test('the text of a STOP that a later START took back is not confirmed', async () => {
      await optOuts.record(PAIR, 'out', new Date(at(0)));
      await optOuts.record(PAIR, 'in', new Date(at(5)));

      expect(await attempt({ event: textAt(3, 'STOP'), optOuts }, confirm)).toEqual({
        outcome: 'skipped',
        reason: 'no_opt_out',
      });
    });
  });
});

describe('an equal text that is not ours', () => {
  const equalText = (changes: JsonObject = {}): JsonObject => ({
    direction: 'outbound',
    source: { type: 'tel', target: '+15559876543' },
    targets: [{ destination: { type: 'tel', target: '+15551234567' }, status: 'queued' }],
    text: 'Thanks!',
    ...changes,
  });
  const step = () => ({ progress: { last: null }, startedAt: new Date(), cooldowns: new MemoryCooldowns() });

  test('an agent sent it just before: ours is sent all the same', async () => {
    standIn.addMessage(equalText());
    const shared = step();
    standIn.failNext({ path: '/messages', method: 'POST', how: 'reset' });
    await failureOf(attempt(shared));

    expect(await attempt({ ...shared, attempt: 2 })).toMatchObject({ outcome: 'done' });
    expect(standIn.sent).toHaveLength(1);
  });

  test('an agent sent it just before and the answer to ours was lost: ours is found', async () => {
    standIn.addMessage(equalText());
    standIn.failNext({ path: '/messages', method: 'POST', how: 'lose_answer' });

    expect(await attempt()).toEqual({
      outcome: 'done',
      result: { message: { id: standIn.sent[0]?.id, status: 'queued' } },
    });
  });

  test.each([30_000, -30_000, 5 * 3_600_000, -5 * 3_600_000])(
    "VoIPBIN's clock is %d ms ahead of ours: nothing is sent twice, and no text of before is taken for ours",
    async (byMs) => {
      standIn.setClockAhead(byMs);
      standIn.addMessage(equalText());
      const lost = step();
      standIn.failNext({ path: '/messages', method: 'POST', how: 'lose_answer' });
      standIn.failNext({ path: '/messages', method: 'GET', how: { status: 200, body: { result: [] } }, after: 1 });
      await failureOf(attempt(lost));
      expect(await attempt({ ...lost, attempt: 2 })).toMatchObject({ outcome: 'done' });
      expect(standIn.sent).toHaveLength(1);

      const unsent = { ...step(), event: inboundText({ id: 'm-2', event_id: 'message_created/m-2' }) };
      standIn.failNext({ path: '/messages', method: 'POST', how: 'reset' });
      await failureOf(attempt(unsent));
      expect(await attempt({ ...unsent, attempt: 2 })).toMatchObject({ outcome: 'done' });
      expect(standIn.sent).toHaveLength(2);
    },
  );

  test.each([30_000, -30_000, 5 * 3_600_000, -5 * 3_600_000])(
    'VoIPBIN stamps messages %d ms off its own clock: found, not sent again',
    async (byMs) => {
      standIn.addMessage({ direction: 'inbound', text: 'Hello', tm_create: new Date().toISOString() });
      const shared = step();
      standIn.setClockAhead(byMs);
      standIn.failNext({ path: '/messages', method: 'POST', how: 'lose_answer' });

      expect(await attempt(shared)).toMatchObject({ outcome: 'done' });
      expect(standIn.sent).toHaveLength(1);
    },
  );

  test.each([30_000, -30_000, 5 * 3_600_000])(
    "the worker died after the text was sent, VoIPBIN's clock %d ms ahead: found",
    async (byMs) => {
      standIn.setClockAhead(byMs);
      const startedAt = new Date();
      await attempt({ startedAt });

      expect(await attempt({ startedAt, attempt: 2 })).toMatchObject({ outcome: 'done' });
      expect(standIn.sent).toHaveLength(1);
    },
  );

  test('an attempt that failed before it could send leaves nothing to look for', async () => {
    const shared = step();
    standIn.failNext({ path: '/messages', method: 'GET', how: { status: 503 } });
    expect(await failureOf(attempt(shared))).toMatchObject({ errorClass: 'transient' });
    standIn.addMessage(equalText());

    expect(await attempt({ ...shared, attempt: 2 })).toMatchObject({ outcome: 'done' });
    expect(standIn.sent).toHaveLength(1);
  });
});

describe('an account that may not send texts', () => {
  test.each<[string, Parameters<VoipbinStandIn['setAccount']>[0], RegExp]>([
    ['no verified identity', { identity: 'none' }, /identity of the account is not verified \(none\)/],
    ['a rejected identity', { identity: 'rejected' }, /not verified \(rejected\)/],
    ['no credit', { credit: 0 }, /no credit left/],
    ['too little credit to say', { credit: 100 }, /lacks credit or a verified identity/],
  ])('%s: one text is tried, the connection is parked, and the cause is named', async (_what, account, message) => {
    standIn.setAccount(account);

    expect(await failureOf(attempt())).toMatchObject({
      errorClass: 'credential',
      message: expect.stringMatching(message),
      detail: {
        code: 'account_not_ready',
        part: 'texts',
        remedy: expect.stringMatching(/Top up .* identity verification/),
      },
    });
    expect(standIn.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  test('once the account is in order, the text goes out once', async () => {
    const shared = { progress: { last: null }, startedAt: new Date(), cooldowns: new MemoryCooldowns() };
    standIn.setAccount({ credit: 0 });
    await failureOf(attempt(shared));
    standIn.setAccount({ credit: 8_000 });

    expect(await attempt({ ...shared, attempt: 2 })).toMatchObject({ outcome: 'done' });
    expect(standIn.sent).toHaveLength(1);
  });

  test('the account cannot be read either: both causes are named', async () => {
    standIn.setAccount({ credit: 0 });
    standIn.failNext({ path: '/customer', how: { status: 500 } });

    expect((await failureOf(attempt())).message).toMatch(/lacks credit or a verified identity, or voipbin itself/);
  });
});

describe('classes of errors', () => {
  const error = (reason: string, message = ''): JsonObject => ({
    error: { status: 'X', reason, message, request_id: 'req_ABC' },
  });
  test.each<[string, StandInFailure, object]>([
    [
      '401',
      { status: 401, body: error('AUTHENTICATION_REQUIRED') },
      { errorClass: 'credential', detail: { code: 'AUTHENTICATION_REQUIRED', correlationId: 'req_ABC' } },
    ],
    [
      '402',
      { status: 402, body: error('INSUFFICIENT_BALANCE') },
      { errorClass: 'credential', detail: { code: 'INSUFFICIENT_BALANCE' } },
    ],
    ['403', { status: 403 }, { errorClass: 'credential', detail: { code: 'http_403' } }],
    [
      '429',
      { status: 429, headers: { 'retry-after': '7' } },
      { errorClass: 'transient', detail: { retryAfterMs: 7_000 } },
    ],
    [
      '400',
      { status: 400, body: error('INVALID +15551234567') },
      { errorClass: 'permanent', detail: { code: 'http_400' } },
    ],
    [
      'a redirect',
      { status: 302, headers: { location: 'http://127.0.0.1:1/v1.0/messages' } },
      { errorClass: 'permanent', detail: { code: 'http_302' } },
    ],
  ])('%s', async (_what, how, expected) => {
    standIn.failNext({ path: '/messages', method: 'POST', how });
    const failure = await failureOf(attempt());

    expect(failure).toMatchObject(expected);
    expect(JSON.stringify([failure.message, failure.detail])).not.toContain('+1555');
    expect(standIn.sent).toHaveLength(0);
    expect(standIn.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  test('a wrong access key', async () => {
    const other = new VoipbinClient({
      apiUrl: standIn.url,
      accessKey: new Secret('vb_wrong'),
      downloadAllow: HostList.EMPTY,
    });
    const failure = await failureOf(attempt({ client: other }));
    await other.close();

    expect(failure).toMatchObject({
      errorClass: 'credential',
      detail: { remedy: expect.stringContaining('VOIPBIN_ACCESS_KEY') },
    });
  });

  test('a VoIPBIN that is not there', async () => {
    await standIn.stop();

    expect(await failureOf(attempt())).toMatchObject({ errorClass: 'transient', detail: { code: 'network' } });
  });

  test('a cancelled step ends at once', async () => {
    standIn.failNext({ path: '/messages', method: 'POST', how: 'hang' });
    const controller = new AbortController();
    const running = failureOf(attempt({ signal: controller.signal }));
    await waitFor(() => standIn.requests.length > 0);
    controller.abort();

    expect(await running).toMatchObject({ errorClass: 'transient', detail: { code: 'cancelled' } });
  });
});

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
