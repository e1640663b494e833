import { METHODS } from 'node:http';
import { signatureOf } from '../../src/receiver/verified-request';
import { Secret } from '../../src/settings/secret';
import { closeDoors, hangup, openDoor } from './door';

jest.setTimeout(120_000);
afterEach(closeDoors);

/**
 * Ways to write the webhook's request target; each is either the webhook for everything that guards it, or no webhook
 * at all.
 */
const SPELLINGS = [
  '/voipbin/webhook',
  '/voipbin/webhook/',
  '/voipbin/webhook?a=b',
  '/voipbin/webhook/?a=b',
  '/voipbin/%77ebhook',
  '/%76oipbin/webhook',
  '/voipbin/webhook%2f',
  '/voipbin%2fwebhook',
  '/voipbin/webhoo%6B/',
  '/voipbin/%2577ebhook',
  '/voipbin/webhook#x',
  '/voipbin/webhook/#x?y',
  '/voipbin/webhook;a=b',
  'http://x/voipbin/webhook',
  'HTTPS://user@x:1/voipbin/%77ebhook',
  'http://x//voipbin/webhook',
  '//voipbin/webhook',
  '//x/voipbin/webhook',
  '/./voipbin/webhook',
  '/a/../voipbin/webhook',
  '/voipbin/./webhook',
  '/VOIPBIN/webhook',
  '/voipbin/webhook%00',
  '/voipbin\\webhook',
  '*',
];

/** Methods that Node's parser takes, except CONNECT, which no route sees. */
const ROUTED = METHODS.filter((method) => method !== 'CONNECT');

const secret = new Secret('a secret of this test');
const body = hangup('c1');
const signed = { 'x-voipbin-signature': signatureOf(Buffer.from(body), secret) };
const here = ['127.0.0.1'];
const elsewhere = ['203.0.113.9'];

/**
 * What guards the webhook, what the request carries, and the one answer that every spelling of the webhook must get.
 */
const PROTECTIONS: [
  name: string,
  allow: string[],
  secrets: Secret[],
  headers: Record<string, string>,
  status: number,
][] = [
  ['nothing', [], [], {}, 200],
  ['an address list with the sender in it', here, [], {}, 200],
  ['an address list without the sender', elsewhere, [], {}, 403],
  ['an address list without the sender, signed', elsewhere, [secret], signed, 403],
  ['a secret, unsigned', [], [secret], {}, 401],
  ['a secret, signed', [], [secret], signed, 200],
  ['both, unsigned', here, [secret], {}, 401],
];

describe.each(PROTECTIONS)('guarded by %s', (_, allow, secrets, headers, status) => {
  test('every spelling and method is answered as the plain one is, or is no webhook', async () => {
    const door = await openDoor({ allow, secrets, noisePerMinute: 10_000 });
    const answers: Record<string, number[]> = {};
    for (const path of SPELLINGS) {
      for (const method of ROUTED) {
        const answer = await door.send({ method, path, headers, payload: body });
        (answers[path] ??= []).push(answer.status);
        const isEvent = ['POST', 'PUT', 'GET', 'DELETE'].includes(method);
        const whole = isEvent || status === 403 ? status : 405;
        const isRoot = answer.json?.webhook !== undefined;
        const got = isRoot ? 404 : answer.status;
        expect({ method, path, status: got }).toEqual({ method, path, status: got === 404 ? 404 : whole });
      }
    }
    // Not all of them were simply unknown.
    expect(SPELLINGS.filter((path) => answers[path]?.every((code) => code !== 404))).toEqual(
      expect.arrayContaining([
        '/voipbin/webhook',
        '/voipbin/webhook/',
        '/voipbin/%77ebhook',
        '/voipbin/webhook#x',
        'http://x/voipbin/webhook',
      ]),
    );
    expect(door.reader.counts().received).toBe(status === 200 ? 1 : 0);
  });
});

describe('a web page', () => {
  const PAGES: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    // A page in a sandbox, and one that was opened from a file.
    { origin: 'null', 'content-type': 'text/plain' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
    { 'sec-fetch-site': 'same-site' },
  ];

  test('sends no events where nothing else protects the webhook, or only an address list that the browser is in', async () => {
    for (const allow of [[], here]) {
      const door = await openDoor({ allow });
      for (const headers of PAGES) {
        const answer = await door.send({ payload: body, headers });
        expect([answer.status, answer.json?.error, answer.headers['connection']]).toEqual([403, 'page', 'close']);
      }
      expect(door.reader.counts()).toEqual({ received: 0, ignored: 0, quarantined: 0 });
      // The address bar of a browser, and a program that says it is none.
      expect((await door.send({ method: 'GET', headers: { 'sec-fetch-site': 'none' } })).status).toBe(200);
      expect((await door.send({ payload: body, headers: { 'sec-fetch-site': 'none' } })).status).toBe(200);
    }
  });

  test('that signs its events may send them', async () => {
    const door = await openDoor({ secrets: [secret] });
    for (const headers of PAGES) {
      expect((await door.send({ payload: body, headers: { ...headers, ...signed } })).status).toBe(200);
      expect((await door.send({ payload: body, headers })).status).toBe(401);
    }
  });
});
