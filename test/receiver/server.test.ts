import { Secret } from '../../src/settings/secret';
import { planOf } from '../inbox/entries';
import { signatureOf } from '../../src/receiver/verified-request';
import { closeDoors, hangup, openDoor, wantHangups, type Door, type Sent } from './door';

afterEach(closeDoors);

const PATH = '/voipbin/webhook';

async function metric(door: Door, pattern: RegExp): Promise<string | undefined> {
  return pattern.exec(await door.metrics.registry.metrics())?.[1];
}

describe('answers', () => {
  const event = hangup('c1');
  const cases: [name: string, request: Sent, status: number, body: object][] = [
    ['POST', { method: 'POST', payload: event }, 200, { status: 'received', id: 'call_hangup/c1' }],
    ['POST with a trailing slash', { method: 'POST', path: `${PATH}/`, payload: event }, 200, { status: 'received' }],
    ['POST with a query', { method: 'POST', path: `${PATH}?a=b`, payload: event }, 200, { status: 'received' }],
    ['PUT', { method: 'PUT', payload: event }, 200, { status: 'received' }],
    ['GET with a body', { method: 'GET', payload: event }, 200, { status: 'received' }],
    ['DELETE with a body', { method: 'DELETE', payload: event }, 200, { status: 'received' }],
    [
      'an event no rule wants',
      { method: 'POST', payload: '{"type":"call_created","data":{"id":"c1"}}' },
      200,
      { status: 'ignored', id: 'call_created/c1' },
    ],
    [
      'the documented dialect',
      { method: 'POST', payload: '{"type":"call_hungup","data":{"id":"c1"}}' },
      200,
      { status: 'received', id: 'call_hangup/c1' },
    ],
    ['GET without a body', { method: 'GET' }, 200, { service: 'voipbin-bridge' }],
    ['DELETE without a body', { method: 'DELETE' }, 405, { error: 'method' }],
    ['PATCH', { method: 'PATCH', payload: event }, 405, { error: 'method' }],
    ['OPTIONS', { method: 'OPTIONS' }, 405, { error: 'method' }],
    ['HEAD', { method: 'HEAD' }, 405, {}],
    ['no content type', { method: 'POST', payload: Buffer.from(event) }, 200, { status: 'received' }],
    [
      'text/plain',
      { method: 'POST', payload: event, headers: { 'content-type': 'text/plain' } },
      200,
      { status: 'received' },
    ],
    [
      'a content type that is none',
      { method: 'POST', payload: event, headers: { 'content-type': ';;; =' } },
      200,
      { status: 'received' },
    ],
    [
      'a compressed body',
      { method: 'POST', payload: event, headers: { 'content-encoding': 'gzip' } },
      415,
      { error: 'encoding' },
    ],
    [
      'identity',
      { method: 'POST', payload: event, headers: { 'content-encoding': 'identity' } },
      200,
      { status: 'received' },
    ],
    ['an empty POST', { method: 'POST' }, 400, { error: 'not_an_event' }],
    ['no JSON', { method: 'POST', payload: 'hello' }, 400, { error: 'not_an_event' }],
    ['no envelope', { method: 'POST', payload: '{"any":"thing"}' }, 400, { error: 'not_an_event' }],
    ['another path', { method: 'POST', path: '/voipbin/webhooks', payload: event }, 404, { error: 'not_found' }],
    ['a path that cannot be decoded', { method: 'GET', path: '/%ff%' }, 404, { error: 'not_found' }],
    ['the root', { method: 'GET', path: '/' }, 200, { webhook: PATH }],
  ];

  test.each(cases)('%s', async (_, request, status, body) => {
    const { send } = await openDoor();
    const answer = await send(request);
    expect(answer.status).toBe(status);
    expect(answer.json ?? {}).toMatchObject(body);
    expect(answer.headers['allow']).toBe(status === 405 ? 'POST, PUT, GET, DELETE' : undefined);
  });

  test('the second time it is a duplicate, also in the other dialect and with another body', async () => {
    const door = await openDoor();
    const answers: unknown[] = [];
    for (const payload of [
      hangup('c1'),
      hangup('c1'),
      hangup('c1', { tm_update: '2026-03-02T01:00:00Z' }),
      '{"type":"call_hungup","data":{"id":"c1"}}',
    ]) {
      answers.push((await door.send({ payload })).json);
    }
    expect(answers).toEqual(
      ['received', 'duplicate', 'duplicate', 'duplicate'].map((status) => ({ status, id: 'call_hangup/c1' })),
    );
    expect(door.appended.count).toBe(1);
    expect(await metric(door, /bridge_events_received_total\{type="call_hangup",outcome="duplicate"\} (\d+)/)).toBe(
      '3',
    );
  });

  test('what was received is in the inbox, byte for byte, with its plan', async () => {
    const { send, reader } = await openDoor();
    const payload = ` {"type":"call_hungup", "data":{"id":"c1","deep":[{"ä":1}]}}\n`;
    await send({ method: 'PUT', payload, headers: { 'content-type': 'application/json' } });
    const stored = reader.get('call_hangup/c1');
    expect(stored?.body.toString()).toBe(payload);
    expect(stored?.event).toMatchObject({
      type: 'call_hangup',
      declared_type: 'call_hungup',
      data: { id: 'c1', deep: [{ ä: 1 }] },
    });
    expect(stored?.plan?.rules.map((rule) => rule.name)).toEqual(['log-call']);
    expect(stored?.content_type).toBe('application/json');
  });

  test('the rules in force when the event came decide', async () => {
    let rules: { hash: string; plan: typeof wantHangups.plan } = wantHangups;
    const { send, reader } = await openDoor({}, { ruleSet: () => rules });
    await send({ payload: hangup('c1') });
    rules = { hash: 'ba9876543210', plan: () => planOf('other') };
    await send({ payload: hangup('c2') });
    expect(reader.pendingAfter(0, 10).map((stored) => stored.plan.rules[0]?.name)).toEqual(['log-call', 'other']);
  });
});

describe('signature', () => {
  const body = '{"type":"call_updated","data":{"id":"test"}}';
  // Reference voipbin.md 1.
  const vector = 'sha256=c77c37600c8eeecef1e9aa0f06fc8c63866408ca03bc506c9f148f848ce3cbd3';
  const ours = { secrets: [new Secret('older'), new Secret('test-secret')] };

  test.each([
    ['the test vector', body, vector, 200],
    ['made with the other secret', body, signatureOf(Buffer.from(body), new Secret('older')), 200],
    ['upper-case hex', body, `sha256=${vector.slice(7).toUpperCase()}`, 200],
    ['missing', body, undefined, 401],
    ['of another body', `${body} `, vector, 401],
    ['made with another secret', body, signatureOf(Buffer.from(body), new Secret('wrong')), 401],
    ['too short', body, vector.slice(0, -2), 401],
    ['without its prefix', body, vector.slice(7), 401],
    ['no hex', body, `sha256=${'z'.repeat(64)}`, 401],
    ['twice', body, `${vector}, ${vector}`, 401],
    ['empty', body, '', 401],
    ['wrong, of a body that is no JSON', 'garbage', vector, 401],
    ['right, of a body that is no JSON', 'garbage', signatureOf(Buffer.from('garbage'), new Secret('older')), 400],
    ['wrong, of a compressed body', body, `sha256=${'0'.repeat(64)}`, 401],
  ])('%s', async (_, payload, signature, status) => {
    const door = await openDoor(ours);
    const headers = signature === undefined ? {} : { 'x-voipbin-signature': signature };
    const answer = await door.send({ payload, headers });
    expect(answer.status).toBe(status);
    const { received, ignored, quarantined } = door.reader.counts();
    expect({ events: received + ignored, quarantined }).toEqual({
      events: status === 200 ? 1 : 0,
      quarantined: status === 400 ? 1 : 0,
    });
    expect(await metric(door, /refused_total\{reason="signature"\} (\d+)/)).toBe(status === 401 ? '1' : '0');
  });

  test('comes before the content encoding', async () => {
    const { send } = await openDoor(ours);
    const answer = await send({ payload: body, headers: { 'content-encoding': 'gzip' } });
    expect(answer.status).toBe(401);
  });

  test('is not asked of a GET without a body', async () => {
    const { send } = await openDoor(ours);
    expect((await send({ method: 'GET' })).status).toBe(200);
  });
});

describe('noise', () => {
  const secret = new Secret('s');
  const bad = (door: Door, headers: Record<string, string> = {}) =>
    door.send({ payload: hangup('x'), headers: { 'x-voipbin-signature': `sha256=${'0'.repeat(64)}`, ...headers } });

  test('its connection is closed, also beyond the limit, and signed requests from the same address are answered as before', async () => {
    const door = await openDoor({ secrets: [secret], noisePerMinute: 5 });
    for (let n = 0; n < 10; n += 1) {
      const answer = await bad(door);
      expect([answer.status, answer.headers['connection']]).toEqual([401, 'close']);
    }
    for (let n = 0; n < 50; n += 1) {
      const payload = hangup(`c${n}`);
      const answer = await door.send({
        payload,
        headers: { 'x-voipbin-signature': signatureOf(Buffer.from(payload), secret) },
      });
      expect([answer.status, answer.headers['connection']]).toEqual([200, 'keep-alive']);
    }
  });

  test('without a secret nothing is limited but bodies that are no events: those are no longer kept', async () => {
    const door = await openDoor({ noisePerMinute: 3 });
    for (let n = 0; n < 10; n += 1) {
      expect((await door.send({ payload: `garbage ${n}` })).status).toBe(400);
      expect((await door.send({ payload: hangup(`c${n}`) })).status).toBe(200);
    }
    expect(door.reader.counts()).toEqual({ received: 10, ignored: 0, quarantined: 3 });
  });

  test('an event that proves nothing makes no sender: large bodies of a noisy address are refused, unless it is allowed', async () => {
    const large = JSON.stringify({ type: 'call_hangup', data: { id: 'large', note: 'x'.repeat(100_000) } });
    for (const [allow, status] of [
      [[], 503],
      [['127.0.0.1'], 200],
    ] as const) {
      const door = await openDoor({ allow, noisePerMinute: 3 });
      expect((await door.send({ payload: hangup('first') })).status).toBe(200);
      for (let n = 0; n < 5; n += 1) {
        await door.send({ payload: `garbage ${n}` });
      }
      expect((await door.send({ payload: large })).status).toBe(status);
    }
  });

  test('with a secret, signed bodies that are no events are always kept', async () => {
    const door = await openDoor({ secrets: [secret], noisePerMinute: 3 });
    for (let n = 0; n < 10; n += 1) {
      const payload = `garbage ${n}`;
      await door.send({ payload, headers: { 'x-voipbin-signature': signatureOf(Buffer.from(payload), secret) } });
    }
    expect(door.reader.counts().quarantined).toBe(10);
  });
});

describe('quarantine', () => {
  test('keeps the body and names its id in the answer, without repeating the content', async () => {
    const { send, reader } = await openDoor();
    const answer = await send({ payload: '{"secret":"+15551234567"', headers: { 'content-type': 'application/json' } });
    const [kept] = reader.listQuarantine();
    expect(kept).toMatchObject({
      reason: 'not_json: the body is not JSON',
      content_type: 'application/json',
      bytes: 24,
    });
    expect(answer.json?.message).toContain(kept?.id);
    expect(answer.text + kept?.reason).not.toContain('555');
    expect(reader.getQuarantined(kept?.id ?? '')?.body.toString()).toBe('{"secret":"+15551234567"');
  });

  test('a fault of our own is kept there and acknowledged, loudly', async () => {
    const door = await openDoor(
      {},
      {
        ruleSet: () => ({
          hash: '0123456789ab',
          plan: () => {
            throw new RangeError('a bug');
          },
        }),
      },
    );
    const answer = await door.send({ payload: hangup('c1') });
    const [kept] = door.reader.listQuarantine();
    expect([answer.status, answer.json]).toEqual([200, { status: 'received', id: `quarantine/${kept?.id}` }]);
    expect(door.log.said.join()).toContain('please report');
  });
});

describe('when nothing can be kept', () => {
  test('the answer is 503, for events and for what is none', async () => {
    const { send, inbox } = await openDoor();
    await inbox.close();
    for (const payload of [hangup('c1'), 'garbage']) {
      const answer = await send({ payload });
      expect([answer.status, answer.json?.error]).toEqual([503, 'unavailable']);
    }
  });
});

describe('the allow-list', () => {
  test.each([
    [['203.0.113.0/24'], '203.0.113.9', 200],
    [['203.0.113.0/24'], '203.0.114.9', 403],
    [['203.0.113.9'], '::ffff:203.0.113.9', 200],
    [['2001:db8::/32', '10.0.0.1'], '2001:db8::5', 200],
    [['2001:db8::/32', '10.0.0.1'], '10.0.0.1', 200],
    [['2001:db8::/32'], '10.0.0.1', 403],
    [[], '10.0.0.1', 200],
  ])('%j and %s: %d', async (allow, from, status) => {
    const { send } = await openDoor({ allow, trustProxy: ['127.0.0.1'] });
    const answer = await send({ payload: hangup('c1'), headers: { 'x-forwarded-for': from } });
    expect(answer.status).toBe(status);
  });

  test('looks behind a trusted proxy only', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.9' };
    for (const [trustProxy, status] of [
      [['127.0.0.0/8'], 200],
      [['10.0.0.0/8'], 403],
      [false, 403],
    ] as const) {
      const { send } = await openDoor({
        allow: ['203.0.113.9'],
        trustProxy: trustProxy === false ? false : [...trustProxy],
      });
      const answer = await send({ payload: hangup('c1'), headers });
      expect(answer.status).toBe(status);
    }
  });

  test('an entry that is not an address is refused at start', async () => {
    await expect(openDoor({ allow: ['voipbin.net'] })).rejects.toThrow('expected an IP address or CIDR range');
  });
});

describe('our numbers', () => {
  test('are learnt from what the account sends, and remembered', async () => {
    const { send, inbox, ownNumbers } = await openDoor();
    const data = {
      id: 'm1',
      direction: 'outbound',
      source: { type: 'tel', target: '+15551112222' },
      targets: [{ destination: { type: 'tel', target: '+15553334444' } }],
    };
    await send({ payload: JSON.stringify({ type: 'message_created', data }) });
    expect(ownNumbers.has('+15551112222')).toBe(true);
    expect(ownNumbers.has('+15553334444')).toBe(false);
    // The learning shares the next commit, like any other write.
    await send({ payload: hangup('c1') });
    expect(inbox.ownNumbers()).toEqual(['+15551112222']);
  });
});

describe('metrics', () => {
  test('know types of the catalogue only', async () => {
    const door = await openDoor();
    for (const type of ['call_created', 'made_up_1', 'made_up_2', 'constructor']) {
      await door.send({ payload: JSON.stringify({ type, data: { id: '1' } }) });
    }
    const text = await door.metrics.registry.metrics();
    expect(text).toContain('bridge_events_received_total{type="other",outcome="ignored"} 3');
    expect(text).toContain('bridge_events_received_total{type="call_created",outcome="ignored"} 1');
    expect(text).toContain('bridge_ack_seconds_count 4');
    expect(text).toContain('bridge_inbox_unavailable 0');
    expect(text).not.toContain('made_up');
  });

  test('tell how much the quarantine holds', async () => {
    const door = await openDoor();
    await door.send({ payload: 'no event' });
    await door.send({ payload: 'no event' });
    await door.send({ payload: '[]' });
    const text = await door.metrics.registry.metrics();
    expect(text).toContain('bridge_quarantine_entries 2\n');
    expect(text).toContain(`bridge_quarantine_bytes ${'no event'.length + '[]'.length}\n`);
    expect(text).toContain('bridge_quarantined_total{reason="not_json"} 2\n');
  });
});
