import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { ActionError } from '../../../src/connectors/action-error';
import { http } from '../../../src/connectors/http/connector';
import { HttpClient } from '../../../src/connectors/http/client';
import { httpRequest } from '../../../src/connectors/http/request';
import { keyUuid } from '../../../src/connectors/idempotency-uuid';
import type { JsonObject } from '../../../src/events/json';
import { renderInput } from '../../../src/rules/language/template';
import { parseExactly, toJsonText } from '../../../src/events/exact-number';
import { eventOf } from '../../rules/load-text';
import { inboundText, runAttempt, type StepSetting } from '../voipbin/run-action';
import { breakOff, hang, json, raw, reset, startRecorder, type Recorder } from './recorder';
import { MOMENT } from '../../rules/language/moment';

const KEY = 'message_created/m-1/reply/step#1';

let recorder: Recorder;
let other: Recorder;
const clients: HttpClient[] = [];

beforeEach(async () => {
  [recorder, other] = await Promise.all([startRecorder(), startRecorder()]);
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all([recorder.stop(), other.stop()]);
});

function clientAllowing(allow: string): HttpClient {
  const client = new HttpClient(http.connection.settings.parse({ allow }).allow);
  clients.push(client);
  return client;
}

function ask(input: JsonObject, setting: Partial<StepSetting<HttpClient>> = {}) {
  return runAttempt(
    httpRequest,
    { client: clientAllowing('127.0.0.1'), ...setting },
    { url: `${recorder.url}/hook`, ...input },
  );
}

async function failureOf(attempt: Promise<unknown>): Promise<ActionError> {
  const error: unknown = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ActionError)) {
    throw new Error('expected an ActionError', { cause: error });
  }
  expect(JSON.stringify([error.message, error.detail])).not.toMatch(/hook|s3cret|5551234567|127\.0\.0\.1:/);
  return error;
}

describe('a request', () => {
  it('posts a map as JSON, with a key that is the same on every attempt', async () => {
    recorder.answers.push(json(201, { id: 7 }), json(201, { id: 7 }));
    const body = { text: 'said "hi"', list: [1, true, null] };
    const outcome = await ask({ body });
    await ask({ body });
    expect(outcome).toEqual({ outcome: 'done', result: { status: 201, body: { id: 7 } } });
    expect(recorder.requests).toHaveLength(2);
    for (const { method, path, headers, body: sent } of recorder.requests) {
      expect({ method, path, body: JSON.parse(sent) }).toEqual({ method: 'POST', path: '/hook', body });
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'idempotency-key': keyUuid(KEY),
        'user-agent': 'voipbin-bridge',
      });
    }
  });

  it('sends a text as it is, with the headers of the rule', async () => {
    await ask({
      method: 'PATCH',
      body: 'a=1',
      headers: {
        'Content-Type': 'application/x-www-form-urlencoded',
        'X-Name': '홍길동\r\nX-Evil: 1',
        'idempotency-KEY': 'mine',
        'X-Empty': ' ',
      },
    });
    const [request] = recorder.requests;
    expect(request).toMatchObject({ method: 'PATCH', body: 'a=1' });
    expect(request?.headers).toMatchObject({
      'content-type': 'application/x-www-form-urlencoded',
      'idempotency-key': 'mine',
    });
    expect(Buffer.from(String(request?.headers['x-name']), 'latin1').toString()).toBe('홍길동 X-Evil: 1');
    expect(Object.keys(request?.headers ?? {})).not.toEqual(expect.arrayContaining(['x-evil']));
    expect(Object.keys(request?.headers ?? {})).not.toEqual(expect.arrayContaining(['x-empty']));
  });

  it('fills in an Idempotency-Key that the rule leaves empty, and sends none with a GET', async () => {
    await ask({ headers: { 'Idempotency-Key': '' } });
    await ask({ method: 'GET' });
    expect(recorder.requests.map(({ headers }) => headers['idempotency-key'])).toEqual([keyUuid(KEY), undefined]);
  });

  it('disarms what values bring, wherever they go', async () => {
    const written = {
      url: `${recorder.url}/people/{{ text }}?q={{ text }}`,
      headers: { 'X-Text': 'is {{ text }}' },
      body: { text: '{{ text }}', '{{ text }}': 1 },
    };
    const text = 'a/../b?&"x"\r\nX-Evil: 1';
    const scope = { event: inboundText({ text }), steps: {}, timezone: 'UTC', country: null, ...MOMENT };
    await ask(renderInput(written, { ...scope, sinkOf: (name) => httpRequest.sinkOf(name) }));
    const encoded = encodeURIComponent(text);
    expect(recorder.requests[0]).toMatchObject({
      path: `/people/${encoded}?q=${encoded}`,
      headers: { 'x-text': 'is a/../b?&"x" X-Evil: 1' },
    });
    expect(JSON.parse(recorder.requests[0]?.body ?? '')).toEqual({ text, '{{ text }}': 1 });
  });

  it('sends what a template alone in a text stands for, with its type', async () => {
    const written = {
      body: {
        talk: '{{ talk_s }}',
        ok: '{{ answered }}',
        who: '{{ peer.name | default: nil }}',
        call: '{{ data.metadata }}',
        all: ['{{ talk_s }} s', '{{ data.metadata.n }}'],
      },
      headers: { 'X-Talk': '{{ talk_s }}' },
    };
    const event = eventOf('call_hangup', {
      id: 'c',
      metadata: { n: 1.5, text: '"<b>"', none: null },
      tm_create: '2026-03-01T23:58:55Z',
      tm_progressing: '2026-03-01T23:59:00Z',
      tm_hangup: '2026-03-02T00:00:15.5Z',
    });
    const scope = { event, steps: {}, timezone: 'UTC', country: null, ...MOMENT };
    await ask(
      renderInput(written, {
        ...scope,
        sinkOf: (name) => httpRequest.sinkOf(name),
        accepts: (path, value) => httpRequest.accepts(path, value),
      }),
    );
    expect(recorder.requests[0]?.headers['x-talk']).toBe('75.5');
    expect(recorder.requests[0]?.body).toBe(
      '{"talk":75.5,"ok":true,"who":null,"call":{"n":1.5,"text":"\\"<b>\\"","none":null},"all":["75.5 s",1.5]}',
    );
  });

  it('keeps the digits of numbers in what it sends and in what it gets', async () => {
    const text = '{"id":9007199254740993,"price":19.90}';
    recorder.answers.push(raw(200, text, { 'content-type': 'application/json' }));
    const outcome = await ask({ body: parseExactly(text) });
    expect(recorder.requests[0]?.body).toBe(text);
    expect(toJsonText(outcome)).toBe(`{"outcome":"done","result":{"status":200,"body":${text}}}`);
  });

  it.each<[string, (...of: Parameters<Recorder['answers'][0]>) => void, unknown]>([
    ['JSON', json(200, { a: [1] }), { a: [1] }],
    [
      'JSON of a special kind',
      raw(200, '{"a":1}', { 'content-type': 'application/vnd.api+json; charset=utf-8' }),
      { a: 1 },
    ],
    ['JSON that is none', raw(200, '{', { 'content-type': 'application/json' }), null],
    ['JSON that is too long', json(200, 'x'.repeat(70_000)), null],
    ['JSON just short enough', json(200, 'x'.repeat(65_000)), 'x'.repeat(65_000)],
    [
      'JSON that is too deep',
      raw(200, `${'['.repeat(20_000)}${']'.repeat(20_000)}`, { 'content-type': 'application/json' }),
      null,
    ],
    ['text', raw(200, 'ok', { 'content-type': 'text/plain' }), 'ok'],
    ['text that is too long', raw(200, 'x'.repeat(5_000), { 'content-type': 'text/plain' }), null],
    ['what is no UTF-8', raw(200, Buffer.from([0xff, 0xfe, 0xfd]), { 'content-type': 'text/plain' }), null],
    ['an image', raw(200, 'x', { 'content-type': 'image/png' }), null],
    ['nothing', raw(204), ''],
  ])('gives back %s', async (_name, answer, expected) => {
    recorder.answers.push(answer);
    expect(await ask({ method: 'PUT' })).toMatchObject({ outcome: 'done', result: { body: expected } });
  });

  it('does not wait for an answer without end', async () => {
    recorder.answers.push((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      const more = (): void => void (response.destroyed ? undefined : response.write('x'.repeat(10_000), more));
      more();
    });
    expect(await ask({ method: 'PUT' })).toMatchObject({ outcome: 'done', result: { status: 200, body: null } });
  });
});

describe('what is wrong with a request itself', () => {
  it.each<[string, JsonObject, string]>([
    ['a url that is none', { url: 'hook' }, 'invalid_url'],
    ['a url that is all template', { url: 'https%3A%2F%2Fexample.com' }, 'invalid_url'],
    ['another scheme', { url: 'file:///etc/passwd' }, 'invalid_url'],
    ['a password in the url', { url: 'http://me:s3cret@127.0.0.1/' }, 'credentials_in_url'],
    ['dots for a path segment', { url: 'http://127.0.0.1/people/../admin' }, 'invalid_url'],
    ['encoded dots for a path segment', { url: 'http://127.0.0.1/people/%2E%2e' }, 'invalid_url'],
    ['too large a body', { body: ['s3cret'.repeat(200_000)] }, 'body_too_large'],
  ])('%s', async (_name, input, code) => {
    expect(await failureOf(ask(input))).toMatchObject({ errorClass: 'permanent', detail: { code } });
    expect(recorder.requests).toHaveLength(0);
  });

  it('leaves dots alone that are no segment', async () => {
    await ask({ url: `${recorder.url}/a..b/v1.0/...?next=/../x` });
    expect(recorder.requests[0]?.path).toBe('/a..b/v1.0/...?next=/../x');
  });

  it.each<[string, JsonObject, string]>([
    ['a body of a GET', { method: 'GET', body: 'x' }, 'body'],
    ['a header of the connection', { headers: { 'Transfer-Encoding': 'chunked' } }, 'headers'],
    ['a header with a space in its name', { headers: { 'X Y': '1' } }, 'headers'],
    ['too long a timeout', { timeout: '31s' }, 'timeout'],
    ['another method', { method: 'TRACE' }, 'method'],
  ])('is seen in the rule file: %s', (_name, input, where) => {
    const issues = httpRequest.input.safeParse({ url: 'https://example.com/', ...input }).error?.issues ?? [];
    expect(issues.map((issue) => issue.path[0])).toEqual([where]);
  });
});

describe('the effect', () => {
  it.each<[JsonObject, string]>([
    [{ method: 'GET' }, 'repeatable'],
    [{ method: 'PUT', body: {} }, 'repeatable'],
    [{ method: 'DELETE' }, 'repeatable'],
    [{ method: 'POST' }, 'once'],
    [{ method: 'PATCH' }, 'once'],
    [{}, 'once'],
    [{ method: 'POST', headers: { 'X-Other': '1' } }, 'once'],
    [{ method: 'POST', headers: { 'IDEMPOTENCY-key': '{{ id }}' } }, 'repeatable'],
  ])('of %j is %s', (input, effect) => {
    expect(httpRequest.effectOf({ url: 'https://example.com/', ...input })).toBe(effect);
  });
});

describe('refusals', () => {
  it.each<[number, string, string]>([
    [301, 'permanent', 'permanent'],
    [304, 'permanent', 'permanent'],
    [400, 'permanent', 'permanent'],
    [401, 'permanent', 'permanent'],
    [403, 'permanent', 'permanent'],
    [404, 'permanent', 'permanent'],
    [408, 'transient', 'transient'],
    [409, 'permanent', 'permanent'],
    [425, 'transient', 'transient'],
    [429, 'transient', 'transient'],
    [500, 'transient', 'ambiguous'],
    [501, 'permanent', 'permanent'],
    [502, 'transient', 'ambiguous'],
    [503, 'transient', 'ambiguous'],
    [504, 'transient', 'ambiguous'],
    [505, 'permanent', 'permanent'],
    [520, 'transient', 'ambiguous'],
  ])('%i: %s when repeatable, else %s', async (status, repeatable, once) => {
    recorder.answers.push(raw(status, 's3cret'), raw(status, 's3cret'));
    const errors = [await failureOf(ask({ method: 'PUT' })), await failureOf(ask({ method: 'POST' }))];
    expect(errors.map((error) => error.errorClass)).toEqual([repeatable, once]);
    expect(errors.map((error) => error.detail.code)).toEqual([`http_${status}`, `http_${status}`]);
    expect(errors[0]?.message).toContain('127.0.0.1');
    expect(recorder.requests).toHaveLength(2);
  });

  it.each([
    ['9', 9_000],
    ['0', 0],
  ])('503 with Retry-After %s: transient, for the server has not taken it', async (retryAfter, ms) => {
    recorder.answers.push(raw(503, '', { 'retry-after': retryAfter }));
    expect(await failureOf(ask({ method: 'POST' }))).toMatchObject({
      errorClass: 'transient',
      detail: { code: 'http_503', retryAfterMs: ms },
    });
  });

  it('503 with a Retry-After that cannot be read is ambiguous', async () => {
    recorder.answers.push(raw(503, '', { 'retry-after': 'soon' }));
    expect(await failureOf(ask({ method: 'POST' }))).toMatchObject({ errorClass: 'ambiguous' });
  });

  it("carry the server's own delay", async () => {
    recorder.answers.push(raw(429, '', { 'retry-after': '9' }));
    expect((await failureOf(ask({}))).detail.retryAfterMs).toBe(9_000);
  });

  it.each([
    ['a broken connection', reset, 'network'],
    ['no answer', hang, 'timeout'],
  ])('%s: transient when repeatable, else ambiguous', async (_name, answer, code) => {
    recorder.answers.push(answer, answer, answer);
    // Long enough for a request to be under way on a busy machine.
    const input = code === 'timeout' ? { timeout: '1s' } : {};
    const errors = [
      await failureOf(ask({ ...input, method: 'DELETE' })),
      await failureOf(ask({ ...input, headers: { 'Idempotency-Key': 'x' } })),
      await failureOf(ask(input)),
    ];
    expect(errors.map((error) => error.errorClass)).toEqual(['transient', 'transient', 'ambiguous']);
    expect(errors.map((error) => error.detail.code)).toEqual([code, code, code]);
  });

  it('a success that breaks off is asked for again when repeatable, else done without its body', async () => {
    recorder.answers.push(breakOff, breakOff);
    expect(await failureOf(ask({ method: 'GET' }))).toMatchObject({ errorClass: 'transient' });
    expect(await ask({ method: 'POST' })).toEqual({ outcome: 'done', result: { status: 200, body: null } });
  });

  it.each(['POST', 'GET'])('nothing listens there: transient, for nothing was sent (%s)', async (method) => {
    await other.stop();
    expect(await failureOf(ask({ method, url: other.url }))).toMatchObject({
      errorClass: 'transient',
      detail: { code: 'network' },
    });
    other = await startRecorder();
  });

  it('a server that speaks no TLS: transient, for nothing was sent', async () => {
    const error = await failureOf(ask({ url: recorder.url.replace('http:', 'https:') }));
    expect(error).toMatchObject({ errorClass: 'transient', detail: { code: 'network' } });
  });

  it.each([
    ['PUT', 'transient'],
    ['POST', 'ambiguous'],
  ])('a cancelled %s is %s', async (method, errorClass) => {
    const cancelled = new AbortController();
    recorder.answers.push(() => cancelled.abort(new Error('s3cret')));
    expect(await failureOf(ask({ method }, { signal: cancelled.signal }))).toMatchObject({
      errorClass,
      detail: { code: 'cancelled' },
    });
  });

  it('one that is cancelled while the connection is made was not sent', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const cancelled = new AbortController();
    const waiting = ask({ url: `https://127.0.0.1:${port}/hook` }, { signal: cancelled.signal });
    const [socket] = (await once(silent, 'connection')) as [Socket];
    cancelled.abort();
    expect(await failureOf(waiting)).toMatchObject({ errorClass: 'transient', detail: { code: 'cancelled' } });
    socket.destroy();
    silent.close();
  });

  it('one that is cancelled before it began was not sent', async () => {
    const error = await failureOf(ask({ method: 'POST' }, { signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ errorClass: 'transient', detail: { code: 'cancelled' } });
    expect(recorder.requests).toHaveLength(0);
  });
});

describe('the connections', () => {
  /** One client for several requests. */
  let client: HttpClient;
  const portsOf = (): number => new Set(recorder.requests.map(({ from }) => from)).size;

  beforeEach(() => {
    client = clientAllowing('127.0.0.1');
  });

  it('of requests that may be repeated stay open for the next one', async () => {
    for (let times = 0; times < 4; times += 1) {
      await ask({ method: 'PUT' }, { client });
      await ask({ headers: { 'Idempotency-Key': 'x' } }, { client });
      await ask({ method: 'GET' }, { client });
    }
    // Not one alone: undici releases a connection shortly after its answer was read.
    expect(recorder.requests).toHaveLength(12);
    expect(portsOf()).toBeLessThan(12);
  });

  it('of requests that must not be repeated serve one', async () => {
    await ask({ method: 'PUT' }, { client });
    await ask({}, { client });
    await ask({}, { client });
    expect([recorder.requests.length, portsOf()]).toEqual([3, 3]);
  });

  it('are made while others are under way', async () => {
    let answerFirst: () => void = () => undefined;
    recorder.answers.push((_request, response) => {
      answerFirst = () => response.end();
    });
    const first = ask({ method: 'PUT' }, { client });
    while (recorder.requests.length === 0) {
      await new Promise(setImmediate);
    }
    await ask({ method: 'PUT' }, { client });
    answerFirst();
    await first;
    expect(portsOf()).toBe(2);
  });

  it('that stay open fail the attempt when they break, and the next attempt gets another', async () => {
    await ask({ method: 'PUT' }, { client });
    recorder.answers.push(reset);
    expect(await failureOf(ask({ method: 'PUT' }, { client }))).toMatchObject({
      errorClass: 'transient',
      detail: { code: 'network' },
    });
    await ask({ method: 'PUT' }, { client, attempt: 2 });
    expect([recorder.requests.length, portsOf()]).toEqual([3, 2]);
  });

  it('are those of the origin that was allowed', async () => {
    await ask({ method: 'PUT' }, { client });
    const elsewhere = { method: 'PUT', url: `http://127.0.0.2:${other.port}/hook` };
    expect(await failureOf(ask(elsewhere, { client }))).toMatchObject({
      errorClass: 'permanent',
      detail: { code: 'address_refused' },
    });
  });

  it('do not hold a repeatable request that is cancelled while one is made', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const cancelled = new AbortController();
    const waiting = ask({ method: 'PUT', url: `https://127.0.0.1:${port}/hook` }, { client, signal: cancelled.signal });
    const [socket] = (await once(silent, 'connection')) as [Socket];
    cancelled.abort();
    expect(await failureOf(waiting)).toMatchObject({ errorClass: 'transient', detail: { code: 'cancelled' } });
    socket.destroy();
    silent.close();
  });
});

describe('a repeated request that finds what an earlier attempt did', () => {
  it.each([404, 410])('a DELETE answered with %i is done, if an earlier attempt may have arrived', async (status) => {
    recorder.answers.push(raw(status), raw(status));
    expect(await failureOf(ask({ method: 'DELETE' }))).toMatchObject({ errorClass: 'permanent' });
    expect(await ask({ method: 'DELETE' }, { attempt: 2 })).toEqual({
      outcome: 'done',
      result: { status, body: null },
    });
  });

  it('a PUT answered with 404 is not', async () => {
    recorder.answers.push(raw(404));
    expect(await failureOf(ask({ method: 'PUT' }, { attempt: 2 }))).toMatchObject({ errorClass: 'permanent' });
  });

  it('a POST with an Idempotency-Key waits while the server works on the earlier one, a few times', async () => {
    const headers = { 'Idempotency-Key': '' };
    recorder.answers.push(raw(409), raw(409), raw(409), raw(409));
    expect(await failureOf(ask({ headers }))).toMatchObject({ errorClass: 'permanent' });
    expect(await failureOf(ask({ headers }, { attempt: 2 }))).toMatchObject({ errorClass: 'transient' });
    expect(await failureOf(ask({ headers }, { attempt: 5 }))).toMatchObject({ errorClass: 'transient' });
    expect(await failureOf(ask({ headers }, { attempt: 6 }))).toMatchObject({ errorClass: 'permanent' });
  });
});

describe('what must not be done twice', () => {
  it('is tried again after an attempt that proves to have done nothing', async () => {
    const progress = { last: null };
    recorder.answers.push(raw(503, '', { 'retry-after': '1' }));
    expect(await failureOf(ask({}, { progress }))).toMatchObject({ errorClass: 'transient' });
    expect(await ask({}, { progress, attempt: 2 })).toMatchObject({ outcome: 'done' });
    expect(recorder.requests).toHaveLength(2);
  });

  it.each<[string, JsonObject | null, number]>([
    ['of which there is no word', null, 2],
    ['that began and said no more', { request: 'begun', attempt: 1 }, 2],
    ['that is not the last one', { request: 'not_done', attempt: 1 }, 3],
  ])('is left alone after an attempt %s', async (_name, last, attempt) => {
    const error = await failureOf(ask({}, { progress: { last }, attempt }));
    expect(error).toMatchObject({ errorClass: 'ambiguous', detail: { code: 'attempt_lost' } });
    expect(recorder.requests).toHaveLength(0);
    expect(await ask({ headers: { 'Idempotency-Key': '' } }, { progress: { last }, attempt })).toMatchObject({
      outcome: 'done',
    });
  });
});

describe('redirects', () => {
  const to = (status: number, location: string) => raw(status, '', { location });

  it.each([301, 302, 303, 307, 308])('a GET follows %i', async (status) => {
    recorder.answers.push(to(status, '/new?x=1'), json(200, { ok: true }));
    expect(await ask({ method: 'GET', headers: { 'X-Api-Key': 's3cret' } })).toMatchObject({
      result: { body: { ok: true } },
    });
    expect(recorder.requests.map(({ method, path, headers }) => [method, path, headers['x-api-key']])).toEqual([
      ['GET', '/hook', 's3cret'],
      ['GET', '/new?x=1', 's3cret'],
    ]);
  });

  it.each([307, 308])(
    'a POST follows %i with its body, and leaves what may be secret behind at another origin',
    async (status) => {
      recorder.answers.push(to(status, `${other.url}/new`));
      await ask({
        body: { a: 1 },
        headers: { Authorization: 's3cret', 'X-Api-Key': 's3cret', Cookie: 's3cret', Accept: 'text/plain' },
      });
      const [request] = other.requests;
      expect(request).toMatchObject({
        method: 'POST',
        path: '/new',
        body: '{"a":1}',
        headers: { accept: 'text/plain', 'content-type': 'application/json' },
      });
      expect(JSON.stringify(request?.headers)).not.toContain('s3cret');
    },
  );

  it('a POST is done when its answer lies elsewhere', async () => {
    recorder.answers.push(to(303, '/thanks'));
    expect(await ask({})).toEqual({ outcome: 'done', result: { status: 303, body: null } });
    expect(recorder.requests).toHaveLength(1);
  });

  it('end after three', async () => {
    recorder.answers.push(...Array.from({ length: 9 }, () => to(302, '/hook')));
    expect(await failureOf(ask({ method: 'GET' }))).toMatchObject({
      errorClass: 'permanent',
      detail: { code: 'too_many_redirects' },
    });
    expect(recorder.requests).toHaveLength(4);
  });

  it.each(['file:///etc/passwd', 'http://me:s3cret@127.0.0.1/', 'http://', 'javascript:1'])(
    'are not followed to %s',
    async (location) => {
      recorder.answers.push(to(302, location));
      expect(await failureOf(ask({ method: 'GET' }))).toMatchObject({
        errorClass: 'permanent',
        detail: { code: 'invalid_redirect' },
      });
    },
  );
});

describe('the guard', () => {
  const refused = { errorClass: 'permanent', detail: { code: 'address_refused' } };

  it.each([
    '127.0.0.1',
    'localhost',
    'LOCALHOST',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '127.1',
    '[::ffff:127.0.0.1]',
    '0.0.0.0',
    '[::]',
    '[::1]',
    '①②⑦.0.0.1',
  ])('refuses http://%s', async (host) => {
    const error = await failureOf(ask({ url: `http://${host}:${recorder.port}/hook` }, { client: clientAllowing('') }));
    expect(error).toMatchObject(refused);
    expect(error.detail.remedy).toContain('BRIDGE_HTTP_ALLOW');
    expect(recorder.requests).toHaveLength(0);
  });

  it.each(['169.254.169.254', '10.0.0.1', '192.168.0.1', '[fd00::1]', '[fe80::1]', '[64:ff9b::7f00:1]'])(
    'refuses http://%s without trying',
    async (host) => {
      expect(await failureOf(ask({ url: `http://${host}/hook` }, { client: clientAllowing('') }))).toMatchObject(
        refused,
      );
    },
  );

  it.each([
    ['localhost', 'localhost'],
    ['127.0.0.0/8', 'localhost'],
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.0/8', '2130706433'],
    ['10.0.0.0/8,127.0.0.1', '[::ffff:127.0.0.1]'],
  ])('lets %s through to %s', async (allow, host) => {
    await ask({ url: `http://${host}:${recorder.port}/hook` }, { client: clientAllowing(allow) });
    expect(recorder.requests).toHaveLength(1);
  });

  it('does not take a name for an address: who allows localhost has not allowed 127.0.0.1', async () => {
    expect(await failureOf(ask({}, { client: clientAllowing('localhost') }))).toMatchObject(refused);
  });

  it('refuses a redirect to a private address', async () => {
    recorder.answers.push(raw(302, '', { location: `http://127.0.0.1:${other.port}/latest/meta-data` }));
    const error = await failureOf(
      ask({ method: 'GET', url: `http://localhost:${recorder.port}/hook` }, { client: clientAllowing('localhost') }),
    );
    expect(error).toMatchObject(refused);
    expect([recorder.requests.length, other.requests.length]).toEqual([1, 0]);
  });
});
