import { z } from 'zod';
import { defineAction, defineConnector, type Connector } from '../../src/connectors/connector';
import { describeActions } from '../../src/connectors/reference-docs';
import { http } from '../../src/connectors/http/connector';
import { slack } from '../../src/connectors/slack/connector';
import { duration } from '../../src/yaml/duration';
import { secret } from '../../src/settings/secret';

const postcard = defineAction<null>()({
  summary: 'Sends a postcard.',
  input: z.strictObject({
    to: z.string().describe('The address, <street> | <town>.'),
    stamp: z.enum(['cheap', 'fast']).default('cheap').describe('How fast\n  it goes.'),
    wait: duration().prefault('5m').describe('How long to wait.'),
    pictures: z.array(z.string()).optional().describe('Addresses of pictures.'),
    extra: z.record(z.string(), z.json()).optional().describe('`{a | b}` of any kind.'),
    copies: z.int().optional().describe('How many.'),
    signed: z.boolean().default(false).describe('With a signature.'),
  }),
  sinks: { to: 'header', extra: 'html' },
  output: z.object({
    card: z
      .object({ id: z.string().describe('Its id.'), weight: z.number().nullable().describe('In grams.') })
      .nullable()
      .describe('The card.'),
    price: z.union([z.number(), z.string()]).describe('What it cost.'),
  }),
  effect: { of: ({ stamp }) => (stamp === 'fast' ? 'once' : 'repeatable') },
  budget: '2h',
  attemptTimeout: '20s',
  run: async () => ({ outcome: 'skipped', reason: 'no post' }),
});

const post = defineConnector<unknown, null>({
  name: 'post',
  summary: 'Post: cards.',
  connection: {
    settings: z.strictObject({
      token: secret().describe('The token.'),
      url: z.url().default('https://post.example/').describe('Where it is.'),
      hosts: z.array(z.string()).prefault([]).describe('Which hosts.'),
    }),
    environment: { token: 'POST_TOKEN', url: 'POST_URL' },
    credentials: ['token'],
    open: () => null,
    standIn: async () => ({ settings: {}, stop: async () => undefined }),
  },
  actions: { send_card: postcard },
});

/** The cells of the row that begins with a cell. */
function row(text: string, first: string): string[] {
  const line = text.split('\n').find((each) => each.startsWith(`| \`${first}\` |`)) ?? '';
  return line
    .split(/(?<!\\)\|/)
    .slice(2, -1)
    .map((cell) => cell.trim());
}

describe('the reference of actions', () => {
  const text = describeActions([post]);

  it.each([
    ['token', ['`POST_TOKEN`', 'text', '**needed**', 'The token.']],
    ['url', ['`POST_URL`', 'text', '`https://post.example/`', 'Where it is.']],
    ['hosts', ['', 'list of texts', '`[]`', 'Which hosts.']],
    ['to', ['text', '**needed**', 'The address, &lt;street> \\| &lt;town>.', 'on one line']],
    ['stamp', ['`cheap`, `fast`', '`cheap`', 'How fast it goes.', '']],
    ['wait', ['duration', '`5m`', 'How long to wait.', '']],
    ['pictures', ['list of texts', '', 'Addresses of pictures.', 'unchanged']],
    ['extra', ['map', '', '`{a \\| b}` of any kind.', 'HTML-escaped']],
    ['copies', ['number', '', 'How many.', '']],
    ['signed', ['true or false', '`false`', 'With a signature.', '']],
    ['steps.<id>.card.id', ['text', 'Its id.']],
    ['steps.<id>.card.weight', ['number or null', 'In grams.']],
    ['steps.<id>.price', ['number or text', 'What it cost.']],
  ])('has a row for %s', (name, cells) => {
    expect(row(text, name)).toEqual(cells);
  });

  it('says effect, budget and what happens without credentials', () => {
    expect(text).toContain('### post.send_card\n\nSends a postcard.\n');
    expect(text).toMatch(
      /- Effect: repeatable: .* \(`stamp` `cheap`\); once: .* \(`stamp` `fast`\)\.\n- Tried for 2h .* at most 20s\./,
    );
    expect(text).toContain('As long as `token` is missing, its stand-in answers.');
    expect(text).toContain('[`post.send_card`](#postsend_card)');
  });

  it('is a whole of even tables, the same whatever the order of connectors', () => {
    const connectors: Connector[] = [slack, post, http];
    const all = describeActions(connectors);
    expect(describeActions([...connectors].reverse())).toBe(all);
    for (const table of all
      .trimEnd()
      .split('\n\n')
      .filter((block) => block.startsWith('|'))) {
      const widths = table.split('\n').map((line) => line.split(/(?<!\\)\|/).length);
      expect(new Set(widths).size).toBe(1);
    }
    expect(all).not.toMatch(/undefined|\[object/);
  });

  it('knows the real ones', () => {
    const all = describeActions([slack, http]);
    expect(all).toMatch(/once: .* \(`method` `POST`, `PATCH`\)/);
    expect(row(all, 'url').at(-1)).toBe('URL-encoded');
    expect(row(all, 'blocks')).toEqual(['list of maps', '', expect.any(String), 'Slack-escaped']);
    expect(all).toContain('It needs no credentials.');
  });
});
