import { z } from 'zod';
import { startProviders, type Providers } from './providers';
import { RunningBridge } from './running-bridge';

jest.setTimeout(300_000);

const POST = (text: string): string => `[{ slack.post_message: { channel: '#calls', text: "${text}" } }]`;
const RULES = `
version: 1
defaults: { timezone: UTC }
rules:
  - name: reads-the-text
    on: message_created
    if: data.text.contains('the end')
    do: ${POST("{{ data.text | default: 'empty' }}")}
  - name: asks-for-the-text
    on: message_created
    do: [{ slack.post_message: { channel: '#calls', text: 'asked' }, if: has(data.text) }]
  - name: counts-by-the-text
    on: message_created
    limits: { max: 5 per day per data.text }
    do: ${POST('counted')}
  - name: reads-something-else
    on: message_created
    do: ${POST("from {{ peer.number | default: '' }} {{ data.note | default: '' }}")}
`;

const shown = z.object({
  left_out: z.array(z.string()),
  report: z
    .object({
      rules: z.array(
        z.object({
          rule: z.string(),
          steps: z.array(
            z.looseObject({ outcome: z.string(), class: z.string().optional(), code: z.string().optional() }),
          ),
        }),
      ),
    })
    .nullable(),
});

describe('an event that is larger than the input of a run', () => {
  let providers: Providers;
  let bridge: RunningBridge;

  beforeAll(async () => {
    providers = await startProviders();
    bridge = await RunningBridge.ready({ env: providers.env, rules: RULES });
  }, 120_000);

  afterAll(async () => {
    await bridge.remove();
    await providers.stop();
  }, 120_000);

  it('fails each step that reads a part that was left out, and no other; nothing is sent with a part missing', async () => {
    const { answer } = await bridge.post({
      type: 'message_created',
      data: {
        id: 'large',
        direction: 'inbound',
        source: { type: 'tel', target: '+15551234567' },
        text: `${'a'.repeat(1_980_000)} the end`,
        note: 'n'.repeat(500),
      },
    });
    const { report, left_out: leftOut } = await bridge.eventually('the run has ended', async () => {
      const { stdout } = await bridge.run('events', 'show', answer.id ?? '', '--json');
      const found = shown.parse(JSON.parse(stdout));
      return found.report === null ? null : found;
    });
    expect(leftOut).toEqual(['data.text', 'text']);
    const cut = { outcome: 'failed', class: 'permanent', code: 'event_cut' };
    expect(report?.rules.map(({ rule, steps }) => [rule, steps[0]])).toMatchObject([
      ['reads-the-text', cut],
      ['asks-for-the-text', cut],
      ['counts-by-the-text', cut],
      ['reads-something-else', { outcome: 'done' }],
    ]);
    expect(providers.slack.messages).toHaveLength(1);
    expect(JSON.stringify(providers.slack.messages)).toContain(`from +15551234567 ${'n'.repeat(500)}`);
  });
});
