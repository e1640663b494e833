import { ActionError } from '../../../src/connectors/action-error';
import { checkPosting } from '../../../src/connectors/slack/check';
import type { ActionUse } from '../../../src/connectors/connector';
import { SlackClient } from '../../../src/connectors/slack/client';
import { startSlackStandIn, type SlackStandIn } from '../../../src/connectors/slack/stand-in';
import { Secret } from '../../../src/settings/secret';

let standIn: SlackStandIn;
let client: SlackClient;
const { signal } = new AbortController();

beforeEach(async () => {
  standIn = await startSlackStandIn();
  client = new SlackClient({ apiUrl: standIn.url, token: new Secret('xoxb-stand-in') });
  await client.call('chat.postMessage', { channel: '#sales', text: 'x' }, signal);
  standIn.notJoined.add('#ops');
});

afterEach(async () => {
  await Promise.all([standIn.stop(), client.close()]);
});

function uses(...channels: string[]): ActionUse[] {
  return channels.map((channel, index) => ({
    action: 'slack.post_message',
    input: { channel, text: 'x' },
    rules: [`rule-${index}`],
  }));
}

async function check(...channels: string[]): Promise<string> {
  return checkPosting(client, signal, uses(...channels)).catch((error: unknown) => {
    if (error instanceof ActionError && error.errorClass === 'permanent') {
      return error.message;
    }
    throw error;
  });
}

test('every channel that the rules write out and the bot cannot post to is named, with its rules', async () => {
  standIn.scopes.add('channels:read');
  expect(await check('#sales', '#ops', '#gone', '{{ data.channel }}', 'U0123456')).toBe(
    'voipbin in stand-in cannot post to every channel of the rules: #ops does not have the bot in it (rule rule-1); #gone is no public channel, or is archived: write the id of a private one (rule rule-2).',
  );
});

test('an app that may post to public channels need not be in them', async () => {
  standIn.scopes.add('channels:read').add('chat:write.public');
  expect(await check('#sales', '#ops')).toBe('voipbin in stand-in; it can post to the channels of the rules');
});

test('the id of a channel that may be private is not called missing', async () => {
  standIn.scopes.add('channels:read');
  expect(await check('C0PRIVATE')).toBe('voipbin in stand-in; it can post to the channels of the rules');
  standIn.scopes.add('groups:read');
  expect(await check('C0PRIVATE')).toContain('C0PRIVATE is no channel that the bot sees');
});

test('without the scope for it, the check says that it did not look at channels', async () => {
  expect(await check('#gone')).toContain('takes the scope channels:read');
  expect(await check('{{ data.channel }}')).toBe('voipbin in stand-in');
});
