import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { ActionError } from '../../../src/connectors/action-error';
import { SlackClient } from '../../../src/connectors/slack/client';
import { slack } from '../../../src/connectors/slack/connector';
import { postMessage } from '../../../src/connectors/slack/post-message';
import { startSlackStandIn, type SlackStandIn, type SlackTrouble } from '../../../src/connectors/slack/stand-in';
import type { JsonObject } from '../../../src/events/json';
import { renderInput } from '../../../src/rules/language/template';
import { Secret } from '../../../src/settings/secret';
import { inboundText, runAttempt, type StepSetting } from '../voipbin/run-action';

const SECRET_TEXT = 'call me on +15551234567';

let standIn: SlackStandIn;
let client: SlackClient;

beforeEach(async () => {
  standIn = await startSlackStandIn();
  client = new SlackClient({ apiUrl: standIn.url, token: new Secret('xoxb-stand-in') });
});

afterEach(async () => {
  await standIn.stop();
  await client.close();
});

function post(input: JsonObject = {}, setting: Partial<StepSetting<SlackClient>> = {}) {
  return runAttempt(postMessage, { client, ...setting }, { channel: '#sales', text: SECRET_TEXT, ...input });
}

async function failureOf(attempt: Promise<unknown>): Promise<ActionError> {
  const error: unknown = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ActionError)) {
    throw new Error('expected an ActionError', { cause: error });
  }
  expect(JSON.stringify([error.message, error.detail])).not.toMatch(
    /5551234567|xoxb-[a-z]|call me|<!DOCTYPE|127\.0\.0\.1/,
  );
  return error;
}

describe('a message', () => {
  it('arrives as it was written, without mentions, links or previews made of it', async () => {
    const outcome = await post();
    const [message] = standIn.messages;
    expect(outcome).toEqual({ outcome: 'done', result: { channel: message?.channel, ts: message?.ts } });
    expect(message).toMatchObject({ postedTo: '#sales', text: SECRET_TEXT, blocks: null, threadTs: null });
    expect(message?.args).toMatchObject({
      link_names: 'false',
      parse: 'none',
      unfurl_links: 'false',
      unfurl_media: 'false',
    });
  });

  it('carries blocks, and answers in a thread', async () => {
    const blocks = [{ type: 'section', text: { type: 'mrkdwn', text: '*Missed call*' } }];
    const first = await post({ blocks });
    const ts = standIn.messages[0]?.ts ?? '';
    expect(first).toMatchObject({ outcome: 'done', result: { ts } });
    await post({ thread_ts: ts, text: 'again' }, { rule: 'other' });
    expect(standIn.messages.map(({ blocks: sent, threadTs }) => ({ sent, threadTs }))).toEqual([
      { sent: blocks, threadTs: null },
      { sent: null, threadTs: ts },
    ]);
  });

  it('stands in no thread when the template of thread_ts renders to nothing', async () => {
    await post({ thread_ts: ' ' });
    expect(standIn.messages[0]?.args).not.toHaveProperty('thread_ts');
  });

  it('keeps the markup of the template and disarms what values bring', async () => {
    const event = inboundText({ text: '<!channel> & <https://evil.example|your bank>' });
    const scope = { event, steps: {}, timezone: 'UTC', country: null };
    const written = {
      text: '*New text* <https://crm.example|open>: {{ text }}',
      blocks: [{ type: 'section', text: { type: 'mrkdwn', text: '> {{ text }}' } }],
    };
    await post(renderInput(written, { ...scope, sinkOf: (name) => postMessage.sinkOf(name) }));
    const escaped = '&lt;!channel&gt; &amp; &lt;https://evil.example|your bank&gt;';
    expect(standIn.messages[0]).toMatchObject({
      text: `*New text* <https://crm.example|open>: ${escaped}`,
      blocks: [{ type: 'section', text: { type: 'mrkdwn', text: `> ${escaped}` } }],
    });
  });

  it.each([
    ['plain text', 'x'.repeat(50_000), `${'x'.repeat(39_999)}…`],
    ['an escape at the edge', `${'x'.repeat(39_997)}&amp;&amp;&amp;`, `${'x'.repeat(39_997)}…`],
    ['an emoji at the edge', `${'x'.repeat(39_998)}😀😀`, `${'x'.repeat(39_998)}…`],
    ['just short enough', 'x'.repeat(40_000), 'x'.repeat(40_000)],
  ])('is cut to what Slack takes: %s', async (_name, text, expected) => {
    await post({ text });
    expect(standIn.messages[0]?.text).toBe(expected);
  });

  it.each([
    ['an empty text', { text: ' \n' }, 'no_text', 'text'],
    ['an empty channel', { channel: '' }, 'channel_not_found', 'channel'],
    [
      'too many blocks',
      { blocks: Array.from({ length: 51 }, () => ({ type: 'divider' })) },
      'blocks_over_limit',
      '50 blocks',
    ],
    [
      'too long a section',
      { blocks: [{ type: 'divider' }, { type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(3_001) } }] },
      'blocks_over_limit',
      '3000 characters in blocks[1]',
    ],
    [
      'too long a header',
      { blocks: [{ type: 'header', text: { type: 'plain_text', text: 'x'.repeat(151) } }] },
      'blocks_over_limit',
      '150 characters',
    ],
    [
      'too long a field',
      { blocks: [{ type: 'section', fields: [{ type: 'mrkdwn', text: 'x'.repeat(2_001) }] }] },
      'blocks_over_limit',
      'blocks[0].fields[0]',
    ],
    [
      'too many fields',
      { blocks: [{ type: 'section', fields: Array.from({ length: 11 }, () => ({ type: 'mrkdwn', text: 'x' })) }] },
      'blocks_over_limit',
      '10 fields',
    ],
    [
      'too many elements of a context',
      { blocks: [{ type: 'context', elements: Array.from({ length: 11 }, () => ({ type: 'mrkdwn', text: 'x' })) }] },
      'blocks_over_limit',
      '10 elements',
    ],
  ])('is refused without a request for %s', async (_name, input, code, words) => {
    const error = await failureOf(post(input));
    expect(error).toMatchObject({ errorClass: 'permanent', detail: { code } });
    expect(error.message).toContain(words);
    expect(standIn.requests).toHaveLength(0);
  });
});

describe('a retry', () => {
  it.each(['lose_answer', 'truncate'] as const)(
    'posts nothing new after an answer was lost (%s), and gets the first ts',
    async (how) => {
      standIn.failNext({ how });
      expect(await failureOf(post())).toMatchObject({ errorClass: 'transient' });
      const again = await post({}, { attempt: 2 });
      expect(standIn.messages).toHaveLength(1);
      expect(again).toEqual({
        outcome: 'done',
        result: { channel: standIn.messages[0]?.channel, ts: standIn.messages[0]?.ts },
      });
    },
  );

  it('of another step or event is another message', async () => {
    await post();
    await post({}, { rule: 'other' });
    await post({}, { event: inboundText({ event_id: 'message_created/m-2' }) });
    expect(new Set(standIn.messages.map((message) => message.clientMsgId)).size).toBe(3);
    expect(standIn.messages[0]?.clientMsgId).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('what Slack refuses', () => {
  const refusal = (error: string, more: JsonObject = {}): SlackTrouble => ({ ...more, ok: false, error });

  it.each<[string, SlackTrouble, { errorClass: string; code: string; remedy?: RegExp; retryAfterMs?: number }]>([
    [
      'a revoked token',
      refusal('token_revoked'),
      { errorClass: 'credential', code: 'token_revoked', remedy: /SLACK_BOT_TOKEN/ },
    ],
    [
      'an unknown token',
      refusal('invalid_auth'),
      { errorClass: 'credential', code: 'invalid_auth', remedy: /SLACK_BOT_TOKEN/ },
    ],
    [
      'a missing scope',
      refusal('missing_scope', { needed: 'chat:write.public' }),
      { errorClass: 'credential', code: 'missing_scope', remedy: /scope chat:write\.public / },
    ],
    [
      'a missing scope that is not named',
      refusal('missing_scope', { needed: SECRET_TEXT }),
      { errorClass: 'credential', code: 'missing_scope', remedy: /scope chat:write / },
    ],
    [
      'a channel that is not there',
      refusal('channel_not_found'),
      { errorClass: 'permanent', code: 'channel_not_found', remedy: /\/invite @bot/ },
    ],
    [
      'a channel that the bot is not in',
      refusal('not_in_channel'),
      { errorClass: 'permanent', code: 'not_in_channel', remedy: /\/invite @bot/ },
    ],
    [
      'an archived channel',
      refusal('is_archived'),
      { errorClass: 'permanent', code: 'is_archived', remedy: /channel/ },
    ],
    [
      'blocks that Slack does not know',
      refusal('invalid_blocks'),
      { errorClass: 'permanent', code: 'invalid_blocks', remedy: /Block Kit Builder/ },
    ],
    [
      'arguments of a new kind',
      refusal('invalid_something_new'),
      { errorClass: 'permanent', code: 'invalid_something_new' },
    ],
    [
      'a restricted channel',
      refusal('restricted_action_read_only_channel'),
      { errorClass: 'permanent', code: 'restricted_action_read_only_channel', remedy: /administrator/ },
    ],
    ['its own trouble', refusal('fatal_error'), { errorClass: 'transient', code: 'fatal_error' }],
    ['a word that nobody knows', refusal('moon_not_full'), { errorClass: 'transient', code: 'moon_not_full' }],
    ['a sentence for a word', refusal(SECRET_TEXT), { errorClass: 'transient', code: 'unreadable_answer' }],
    ['HTML', 'html', { errorClass: 'transient', code: 'unreadable_answer' }],
    [
      'too fast',
      { status: 429, headers: { 'retry-after': '7' } },
      { errorClass: 'transient', code: 'ratelimited', retryAfterMs: 7_000 },
    ],
    ['too fast, without a wait', { status: 429 }, { errorClass: 'transient', code: 'ratelimited' }],
    ['too fast, as a word', refusal('ratelimited'), { errorClass: 'transient', code: 'ratelimited' }],
    ['500', { status: 500, body: SECRET_TEXT }, { errorClass: 'transient', code: 'http_500' }],
    [
      '503 with a wait',
      { status: 503, headers: { 'retry-after': '2' } },
      { errorClass: 'transient', code: 'http_503', retryAfterMs: 2_000 },
    ],
    [
      'another server',
      { status: 404, body: SECRET_TEXT },
      { errorClass: 'permanent', code: 'http_404', remedy: /SLACK_API_URL/ },
    ],
    [
      'a redirect',
      { status: 302, headers: { location: 'https://example.com/' } },
      { errorClass: 'permanent', code: 'http_302', remedy: /SLACK_API_URL/ },
    ],
    ['a broken connection', 'reset', { errorClass: 'transient', code: 'network' }],
    [
      'an answer without an id',
      { status: 200, body: '{"ok":true}' },
      { errorClass: 'transient', code: 'unreadable_answer' },
    ],
  ])('%s', async (_name, how, { remedy = /^/, ...expected }) => {
    standIn.failNext({ how });
    const error = await failureOf(post());
    const { code, retryAfterMs } = error.detail;
    expect({ errorClass: error.errorClass, code, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }).toEqual(
      expected,
    );
    expect(error.detail.remedy ?? '').toMatch(remedy);
    expect(standIn.requests).toHaveLength(1);
    expect((await post()).outcome).toBe('done');
  });

  it('by itself: a channel that is not there', async () => {
    standIn.missing.add('#sales');
    expect((await failureOf(post())).detail.code).toBe('channel_not_found');
  });

  it('is transient when nothing listens there', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const nobody = new SlackClient({ apiUrl: `http://127.0.0.1:${port}/api/`, token: new Secret('xoxb-x') });
    expect(await failureOf(post({}, { client: nobody }))).toMatchObject({
      errorClass: 'transient',
      detail: { code: 'network' },
    });
    await nobody.close();
  });

  it('is transient when no answer comes in time', async () => {
    standIn.failNext({ how: 'hang' });
    const hasty = new SlackClient({ apiUrl: standIn.url, token: new Secret('xoxb-stand-in'), timeoutMs: 50 });
    expect(await failureOf(post({}, { client: hasty }))).toMatchObject({
      errorClass: 'transient',
      detail: { code: 'timeout' },
    });
    await hasty.close();
  });

  it('ends at once when the step is cancelled', async () => {
    standIn.failNext({ how: 'hang' });
    const cancelled = new AbortController();
    const waiting = post({}, { signal: cancelled.signal });
    while (standIn.requests.length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    cancelled.abort(new Error(SECRET_TEXT));
    expect(await failureOf(waiting)).toMatchObject({ errorClass: 'transient', detail: { code: 'cancelled' } });
  });
});

describe('the connection', () => {
  const open = async (settings: JsonObject): Promise<SlackClient> =>
    slack.connection.open(slack.connection.settings.parse(settings));

  it('is checked with the token, which is nowhere to be seen', async () => {
    const right = await open(standIn.settings);
    const wrong = await open({ ...standIn.settings, bot_token: 'xoxb-other' });
    const { signal } = new AbortController();
    expect(await slack.connection.check?.(right, signal, [])).toBe('voipbin in stand-in');
    expect(await failureOf(Promise.resolve(slack.connection.check?.(wrong, signal, [])))).toMatchObject({
      errorClass: 'credential',
      detail: { code: 'invalid_auth' },
    });
    await Promise.all([right.close(), wrong.close()]);
  });

  it('takes an address without a slash at the end', async () => {
    const other = await open({ ...standIn.settings, api_url: standIn.url.replace(/\/$/, '') });
    expect((await post({}, { client: other })).outcome).toBe('done');
    await other.close();
  });

  it('refuses settings that cannot work', () => {
    const parse = (settings: JsonObject) => slack.connection.settings.safeParse(settings).success;
    expect(
      [{ bot_token: '' }, { bot_token: 'x', api_url: 'ftp://slack.com' }, { bot_token: 'x', other: 1 }].map(parse),
    ).toEqual([false, false, false]);
  });
});
