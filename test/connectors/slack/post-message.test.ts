import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { ActionError } from '../../../src/connectors/action-error';
import { SlackClient } from '../../../src/connectors/slack/client';
import { slack } from '../../../src/connectors/slack/connector';
import { postMessage } from '../../../src/connectors/slack/post-message';
import { startSlackStandIn, type SlackStandIn } from '../../../src/connectors/slack/stand-in';
import type { SlackTrouble } from '../../../src/connectors/slack/stand-in-failures';
import type { JsonObject } from '../../../src/events/json';
import { renderInput } from '../../../src/rules/language/template';
import { Secret } from '../../../src/settings/secret';
import { inboundText, runAttempt, type StepSetting } from '../voipbin/run-action';
import { MOMENT } from '../../rules/language/moment';

const SECRET_TEXT = 'call me on +15551234567';

let standIn: SlackStandIn;
let client: SlackClient;

beforeEach(async () => {
  standIn = await startSlackStandIn();
  client = new SlackClient({ apiUrl: standIn.url, token: new Secret('xoxb-stand-in') });
});

afterEach(async () => {
  jest.restoreAllMocks();
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

  it('mentions people by e-mail, and names those whom Slack does not find', async () => {
    standIn.people.set('anna@example.com', 'U024BE7LH');
    await post({ text: 'Look', mention: ['anna@example.com', 'bob@example.com', ''] });
    expect(standIn.messages[0]?.text).toBe('<@U024BE7LH> bob@example.com Look');
  });

  it('is posted without a mention when the app may not look people up', async () => {
    standIn.scopes.delete('users:read.email');
    await post({ text: 'Look', mention: 'anna@example.com' });
    expect(standIn.messages[0]?.text).toBe('anna@example.com Look');
  });

  it.each<SlackTrouble>([{ status: 503 }, 'reset', 'truncate'])(
    'is retried when Slack does not say who somebody is (%j), and nothing is posted before',
    async (how) => {
      standIn.people.set('anna@example.com', 'U024BE7LH');
      standIn.failNext({ how });
      expect(await failureOf(post({ text: 'Look', mention: 'anna@example.com' }))).toMatchObject({
        errorClass: 'transient',
      });
      expect(standIn.messages).toEqual([]);
    },
  );

  it.each([
    [{ mention: 'anna' }, 'the rendered mention is not an e-mail address'],
    [
      { mention: 'a@example.com', blocks: [{ type: 'divider' }] },
      'mention stands beside blocks, where it is not shown',
    ],
  ])('is checked before it is posted: %j', (input, message) => {
    const problems = postMessage.problemsOf({ channel: '#c', text: 't', ...input }, ['mention'], {
      country: null,
      event: null,
    });
    expect(problems.map((one) => one.message)).toEqual([message]);
  });

  it('carries blocks, and answers in a thread', async () => {
    const blocks = [{ type: 'section', text: { type: 'plain_text', text: 'Missed call' } }];
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
    const scope = { event, steps: {}, timezone: 'UTC', country: null, ...MOMENT };
    const written = {
      text: '*New text* <https://crm.example|open>: {{ text }}',
      blocks: [{ type: 'section', text: { type: 'mrkdwn', text: '> {{ text }}' } }],
    };
    await post(renderInput(written, { ...scope, sinkOf: (name) => postMessage.sinkOf(name) }));
    const escaped = '&lt;!channel&gt; &amp; &lt;https://evil.example|your bank&gt;';
    expect(standIn.messages[0]).toMatchObject({
      text: `*New text* <https://crm.example|open>: ${escaped}`,
      blocks: [{ type: 'section', text: { type: 'mrkdwn', text: `> ${escaped}`, verbatim: true } }],
    });
  });

  it('makes no links of bare URLs in blocks, unless the rule asks for it', async () => {
    const text = (verbatim: JsonObject) => ({ type: 'mrkdwn', text: 'see https://crm.example', ...verbatim });
    await post({
      blocks: [
        { type: 'section', text: text({}), fields: [text({}), text({ verbatim: false })] },
        { type: 'context', elements: [text({}), { type: 'image', image_url: 'https://crm.example/a', alt_text: 'a' }] },
      ],
    });
    expect(standIn.messages[0]?.blocks).toEqual([
      {
        type: 'section',
        text: text({ verbatim: true }),
        fields: [text({ verbatim: true }), text({ verbatim: false })],
      },
      {
        type: 'context',
        elements: [text({ verbatim: true }), { type: 'image', image_url: 'https://crm.example/a', alt_text: 'a' }],
      },
    ]);
  });

  it.each([
    ['plain text', 'x'.repeat(50_000), `${'x'.repeat(3_999)}…`],
    ['words', `${'x'.repeat(3_990)} and more words`, `${'x'.repeat(3_990)} and…`],
    ['lines', `${'x'.repeat(3_900)}\n\n${'y'.repeat(300)}`, `${'x'.repeat(3_900)}…`],
    ['a line that ended long before', `x\n${'y'.repeat(5_000)}`, `x\n${'y'.repeat(3_997)}…`],
    ['an escape at the edge', `${'x'.repeat(3_997)}&amp;&amp;&amp;`, `${'x'.repeat(3_997)}…`],
    [
      'a link at the edge',
      `${'x'.repeat(3_900)}<https://crm.example/${'y'.repeat(100)}|open>`,
      `${'x'.repeat(3_900)}…`,
    ],
    ['an emoji at the edge', `${'x'.repeat(3_998)}😀😀`, `${'x'.repeat(3_998)}…`],
    ['just short enough', 'x'.repeat(4_000), 'x'.repeat(4_000)],
  ])('is cut to what Slack posts in one piece: %s', async (_name, text, expected) => {
    await post({ text });
    expect(standIn.messages.map((message) => message.text)).toEqual([expected]);
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
      '3000 characters in blocks[1].text',
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
    [
      'blocks that are too long together',
      {
        blocks: Array.from({ length: 6 }, () => ({
          type: 'section',
          text: { type: 'mrkdwn', text: 'x'.repeat(2_900) },
        })),
      },
      'blocks_over_limit',
      '13200 characters in all blocks',
    ],
    [
      'markdown blocks that are too long together',
      { blocks: [1, 2].map(() => ({ type: 'markdown', text: 'x'.repeat(6_001) })) },
      'blocks_over_limit',
      '12000 characters in the markdown blocks',
    ],
    [
      'too long a button',
      {
        blocks: [
          { type: 'actions', elements: [{ type: 'button', text: { type: 'plain_text', text: 'x'.repeat(76) } }] },
        ],
      },
      'blocks_over_limit',
      'blocks[0].elements[0].text',
    ],
    [
      'an empty field',
      { blocks: [{ type: 'divider' }, { type: 'section', fields: [{ type: 'mrkdwn', text: '' }] }] },
      'blocks_empty_text',
      'blocks[1].fields[0]',
    ],
  ])('is refused without a request for %s', async (_name, input, code, words) => {
    const error = await failureOf(post(input));
    expect(error).toMatchObject({ errorClass: 'permanent', detail: { code } });
    expect(error.message).toContain(words);
    expect(standIn.requests).toHaveLength(0);
  });
});

describe('a retry', () => {
  const restart = async (clientMsgId: 'ignored' | 'recognised'): Promise<void> => {
    await Promise.all([standIn.stop(), client.close()]);
    standIn = await startSlackStandIn({ clientMsgId });
    client = new SlackClient({ apiUrl: standIn.url, token: new Secret('xoxb-stand-in') });
  };
  /** The attempts of one step, one after the other, until it is done or ends for good. */
  async function attempts(input: JsonObject = {}): Promise<{ last: unknown; count: number }> {
    const progress = { last: null };
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await post(input, { attempt, progress }).catch((error: unknown) => error);
      if (!(outcome instanceof ActionError) || outcome.errorClass !== 'transient') {
        return { last: outcome, count: attempt };
      }
    }
  }

  it.each([
    ['lose_answer', 'recognised', 1],
    ['truncate', 'recognised', 1],
    ['lose_answer', 'ignored', 2],
    ['truncate', 'ignored', 2],
  ] as const)(
    'after a lost answer (%s), where a repeated client_msg_id is %s, leaves %i in the channel',
    async (how, clientMsgId, posts) => {
      await restart(clientMsgId);
      standIn.failNext({ how });
      const { last, count } = await attempts();
      expect(count).toBe(2);
      expect(standIn.messages).toHaveLength(posts);
      expect(last).toEqual({
        outcome: 'done',
        result: { channel: standIn.messages[0]?.channel, ts: standIn.messages.at(-1)?.ts },
      });
    },
  );

  it.each<SlackTrouble>([
    'lose_answer',
    'truncate',
    { status: 502 },
    { status: 503 },
    { ok: false, error: 'fatal_error' },
    { ok: false, error: 'internal_error' },
  ])('does not happen after %j where the rule forbids it: a person looks', async (how) => {
    standIn.failNext({ how });
    const { last, count } = await attempts({ on_ambiguous: 'fail' });
    expect(count).toBe(1);
    expect(await failureOf(Promise.reject(last))).toMatchObject({
      errorClass: 'ambiguous',
      detail: { code: 'answer_lost' },
    });
    expect(standIn.requests).toHaveLength(1);
  });

  it.each<SlackTrouble>([
    { status: 429, headers: { 'retry-after': '0' } },
    { status: 503, headers: { 'retry-after': '1' } },
    { ok: false, error: 'service_unavailable' },
    'html',
  ])('happens after %j in any case, for nothing was posted', async (how) => {
    standIn.failNext({ how, times: 2 });
    const { last, count } = await attempts({ on_ambiguous: 'fail' });
    expect({ last, count }).toMatchObject({ last: { outcome: 'done' }, count: 3 });
    expect(standIn.messages).toHaveLength(1);
  });

  it('does not happen after an attempt of which nothing is known, where the rule forbids it', async () => {
    const error = await failureOf(post({ on_ambiguous: 'fail' }, { attempt: 2, progress: { last: null } }));
    expect(error).toMatchObject({ errorClass: 'ambiguous', detail: { code: 'answer_lost' } });
    expect(standIn.requests).toHaveLength(0);
  });

  it('comes ever later while answers keep getting lost, so that an hour of them leaves few messages', async () => {
    standIn.failNext({ how: 'lose_answer', times: 7 });
    const progress = { last: null };
    const waits: (number | undefined)[] = [];
    for (let attempt = 1; attempt <= 7; attempt += 1) {
      const error = await failureOf(post({}, { attempt, progress }));
      expect(error.errorClass).toBe('transient');
      waits.push(error.detail.retryAfterMs);
    }
    expect(waits).toEqual([undefined, 4_000, 16_000, 64_000, 256_000, 600_000, 600_000]);
    expect((await post({}, { attempt: 8, progress })).outcome).toBe('done');
  });

  it('after the first message was deleted does not post it again', async () => {
    await restart('recognised');
    standIn.failNext({ how: 'lose_answer' });
    await failureOf(post());
    standIn.messages.length = 0;
    const error = await failureOf(post({}, { attempt: 2, progress: { last: { maybe_done: 1, attempt: 1 } } }));
    expect(error).toMatchObject({ errorClass: 'ambiguous', detail: { code: 'duplicate_message_not_found' } });
    expect(standIn.messages).toHaveLength(0);
  });

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
      'a missing scope for all messages',
      refusal('missing_scope', { needed: 'chat:write:bot' }),
      { errorClass: 'credential', code: 'missing_scope', remedy: /scope chat:write:bot / },
    ],
    [
      'a missing scope for some channels',
      refusal('missing_scope', { needed: 'chat:write.public' }),
      { errorClass: 'permanent', code: 'missing_scope', remedy: /scope chat:write\.public / },
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
    expect((await post({ channel: '#other' })).outcome).toBe('done');
  });

  it('by itself: a channel that is not there', async () => {
    standIn.missing.add('#sales');
    expect((await failureOf(post())).detail.code).toBe('channel_not_found');
  });

  it('by itself: a channel that the bot is not in, until the app has the scope for it', async () => {
    standIn.notJoined.add('#sales');
    expect((await failureOf(post())).detail.code).toBe('not_in_channel');
    standIn.scopes.add('chat:write.public');
    expect((await post()).outcome).toBe('done');
  });

  it('by itself: every message of an app without chat:write', async () => {
    standIn.scopes.delete('chat:write');
    expect(await failureOf(post())).toMatchObject({ errorClass: 'credential', detail: { code: 'missing_scope' } });
  });

  it('as too fast leaves the channel alone for as long as Slack asks, and other channels are posted to', async () => {
    standIn.failNext({ how: { status: 429, headers: { 'retry-after': '30' } } });
    await failureOf(post());
    const again = await failureOf(post({}, { rule: 'other' }));
    expect(again).toMatchObject({ errorClass: 'transient', detail: { code: 'queue_full' } });
    expect(again.detail.retryAfterMs).toBeGreaterThan(10_000);
    expect(standIn.requests).toHaveLength(1);
    expect((await post({ channel: '#other' }, { rule: 'other' })).outcome).toBe('done');
  });

  it('by itself: more messages to one channel than Slack takes, with the time to wait', async () => {
    await standIn.stop();
    standIn = await startSlackStandIn({ rate: { perSecond: 1, burst: 2 } });
    // All three are within one second, however slow the machine is.
    jest.spyOn(Date, 'now').mockReturnValue(Date.now());
    const fast = new SlackClient({ apiUrl: standIn.url, token: new Secret('xoxb-stand-in') });
    const outcomes = await Promise.all(
      ['a', 'b', 'c'].map((rule) => post({}, { client: fast, rule }).catch((error: unknown) => error)),
    );
    expect(outcomes.filter((outcome) => outcome instanceof ActionError)).toMatchObject([
      { errorClass: 'transient', detail: { code: 'ratelimited', retryAfterMs: 1_000 } },
    ]);
    expect((await post({ channel: '#other' }, { client: fast })).outcome).toBe('done');
    expect(standIn.messages).toHaveLength(3);
    await fast.close();
  });

  it('with a word that nobody knows is tried three times', async () => {
    standIn.failNext({ how: refusal('moon_not_full'), times: 3 });
    const progress = { last: null };
    for (const [attempt, errorClass] of [
      [1, 'transient'],
      [2, 'transient'],
      [3, 'permanent'],
    ] as const) {
      expect(await failureOf(post({}, { attempt, progress }))).toMatchObject({
        errorClass,
        detail: { code: 'moon_not_full' },
      });
    }
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
    standIn.scopes.delete('chat:write');
    expect(await failureOf(Promise.resolve(slack.connection.check?.(right, signal, [])))).toMatchObject({
      errorClass: 'credential',
      detail: { code: 'missing_scope', remedy: expect.stringContaining('chat:write') },
    });
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
