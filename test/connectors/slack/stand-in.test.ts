import { z } from 'zod';
import { SlackClient } from '../../../src/connectors/slack/client';
import { startSlackStandIn, type SlackStandIn } from '../../../src/connectors/slack/stand-in';
import { Secret } from '../../../src/settings/secret';

const { signal } = new AbortController();
let standIn: SlackStandIn;
let client: SlackClient;

beforeEach(async () => {
  standIn = await startSlackStandIn();
  client = new SlackClient({ apiUrl: standIn.url, token: new Secret('xoxb-stand-in') });
});

afterEach(async () => {
  await Promise.all([standIn.stop(), client.close()]);
});

const posted = z.object({ channel: z.string(), ts: z.string() });
const call = (method: string, args: Record<string, unknown>) => client.call(method, args, signal);

test('a text of more than 4,000 characters becomes several messages, and the answer names the first', async () => {
  const answer = await call('chat.postMessage', { channel: '#long', text: 'x'.repeat(9_000) });
  expect(standIn.messages.map(({ text }) => text.length)).toEqual([4_000, 4_000, 1_000]);
  expect(posted.parse(answer).ts).toBe(standIn.messages[0]?.ts);
});

test('beside blocks a text stays whole, and blocks of more than 13,200 characters are refused', async () => {
  const blocks = (characters: number) => [{ type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(characters) } }];
  await call('chat.postMessage', { channel: '#long', text: 'x'.repeat(5_000), blocks: blocks(13_200) });
  expect(standIn.messages).toHaveLength(1);
  await expect(call('chat.postMessage', { channel: '#long', text: 'x', blocks: blocks(13_201) })).rejects.toMatchObject(
    {
      detail: { code: 'msg_blocks_too_long' },
    },
  );
});

test('messages are listed, newest first, and removed once', async () => {
  const { channel, ts } = posted.parse(await call('chat.postMessage', { channel: '#a', text: 'first' }));
  await call('chat.postMessage', { channel: '#a', text: 'second' });
  await call('chat.postMessage', { channel: '#b', text: 'elsewhere' });
  expect(await call('conversations.history', { channel })).toMatchObject({
    messages: [{ text: 'second' }, { text: 'first' }],
  });
  expect(await call('conversations.history', { channel, oldest: ts })).toMatchObject({
    messages: [{ text: 'second' }],
  });
  await call('chat.delete', { channel, ts });
  await expect(call('chat.delete', { channel, ts })).rejects.toMatchObject({ detail: { code: 'message_not_found' } });
});

test('a method whose scope the token lacks is refused, with the scope', async () => {
  await expect(call('conversations.list', {})).rejects.toMatchObject({
    errorClass: 'permanent',
    detail: { code: 'missing_scope', remedy: expect.stringContaining('channels:read') },
  });
});
