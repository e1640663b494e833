import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { startProviders, type Providers } from './providers';
import { RunningBridge } from './running-bridge';

jest.setTimeout(300_000);

const rules = (channel: string) => `version: 1
rules:
  - name: post
    on: call_hangup
    do:
      - slack.post_message: { channel: "${channel}", text: "{{ id }}" }
`;

describe('a rule file that is saved under load', () => {
  let providers: Providers;
  let bridge: RunningBridge;
  let file: string;

  beforeAll(async () => {
    providers = await startProviders();
    bridge = await RunningBridge.ready({ env: providers.env, rules: rules('#one') });
    file = bridge.env['BRIDGE_RULES'] ?? join(bridge.dataDir, 'rules.yaml');
  });

  afterAll(async () => {
    await bridge.remove();
    await providers.stop();
  });

  it('loses and duplicates no event; an invalid file changes nothing and is logged', async () => {
    let sent = 0;
    const post = async (): Promise<void> => {
      sent += 1;
      expect((await bridge.post({ type: 'call_hangup', data: { id: `c${sent}`, direction: 'incoming' } })).status).toBe(
        200,
      );
    };
    /** Posts one event after the other until it is so. */
    const postUntil = async (so: () => boolean | Promise<boolean>): Promise<void> => {
      do {
        // Load, but no more than the runs keep up with.
        await bridge.eventually('runs keep up', () => (sent - providers.slack.messages.length < 20 ? sent : null));
        await post();
      } while (!(await so()));
    };
    const postedTo = (channel: string): number =>
      providers.slack.messages.filter((message) => message.postedTo === channel).length;
    await postUntil(() => postedTo('#one') > 5);
    writeFileSync(file, rules('#two'));
    await postUntil(() => postedTo('#two') > 5);
    writeFileSync(file, 'version: 1\nrules: [');
    const refused = async (): Promise<boolean> =>
      (await (await fetch(`${bridge.admin}/metrics`)).text()).includes('bridge_rules_refused 1');
    await postUntil(refused);
    await bridge.printed(/the previous rules stay in force/);
    const before = postedTo('#two');
    await postUntil(() => postedTo('#two') > before);
    writeFileSync(file, rules('#three'));
    await postUntil(() => postedTo('#three') > 5);

    await bridge.eventually('every event is posted', () => (providers.slack.messages.length >= sent ? sent : null));
    const ids = providers.slack.messages.map((message) => message.text);
    expect(new Set(ids).size).toBe(sent);
    expect(ids).toHaveLength(sent);
    const history = z
      .array(z.object({ events: z.number() }))
      .parse(JSON.parse((await bridge.run('rules', 'history', '--json')).stdout));
    expect(history).toHaveLength(3);
    expect(history.reduce((sum, { events }) => sum + events, 0)).toBe(sent);
  });
});
