import { randomUUID } from 'node:crypto';
import { startProviders, type Providers } from './providers';
import { RunningBridge } from './running-bridge';

jest.setTimeout(300_000);

const RULES = `version: 1
rules:
  - name: mail
    on: recording_finished
    do:
      - email.send:
          to: [ann@example.com, bob@example.com]
          subject: A call was recorded
          text: "Recording {{ id }}"
        retry: { every: 1s }
`;

describe('a mail server', () => {
  let providers: Providers;
  let bridge: RunningBridge;

  beforeAll(async () => {
    providers = await startProviders();
    bridge = await RunningBridge.ready({ env: providers.env, rules: RULES });
  });

  afterAll(async () => {
    await bridge.remove();
    await providers.stop();
  });

  async function postRecording(): Promise<string> {
    const { answer } = await bridge.post({ type: 'recording_finished', data: { id: randomUUID(), status: 'ended' } });
    return answer.id ?? '';
  }

  const shown = async (id: string): Promise<string> => (await bridge.run('events', 'show', id)).stdout;

  it('over its daily limit parks once, and all mails go out when the limit is lifted', async () => {
    providers.email.failNext({ stage: 'data', code: 550, text: '5.4.5 Daily sending limit exceeded', times: 1_000 });
    const ids = await Promise.all([1, 2, 3, 4].map(postRecording));
    await bridge.eventually('all steps wait', async () => {
      const { stdout } = await bridge.run('connections', 'list');
      return /^email .*PARKED.*\n +4 steps wait/m.test(stdout) && stdout.includes('smtp_550_5.4.5') ? true : null;
    });
    expect(providers.email.messages).toEqual([]);

    providers.email.heal();
    await bridge.run('connections', 'resume', 'email');
    await bridge.eventually('all mails are sent', () => (providers.email.messages.length >= ids.length ? true : null));
    expect(providers.email.messages).toHaveLength(ids.length);
    for (const id of ids) {
      await bridge.eventually(`run ${id} is done`, async () => (/\bdone\b/.test(await shown(id)) ? true : null));
    }
  });

  it('that puts one recipient off gets the mail for that one alone later', async () => {
    const before = providers.email.messages.length;
    providers.email.failNext({
      stage: 'rcpt',
      code: 450,
      text: '4.2.0 Greylisted',
      recipient: 'bob@example.com',
      times: 2,
    });
    const id = await postRecording();
    await bridge.eventually('the run is done', async () => (/\bdone\b/.test(await shown(id)) ? true : null));

    expect(providers.email.messages.slice(before).map(({ recipients }) => recipients)).toEqual([
      ['ann@example.com'],
      ['bob@example.com'],
    ]);
  });

  it('that refuses one recipient: the step says which one, and how many have the mail', async () => {
    providers.email.failNext({ stage: 'rcpt', code: 550, text: '5.1.1 User unknown', recipient: 'bob@example.com' });
    const id = await postRecording();
    const report = await bridge.eventually('the run has failed', async () => {
      const text = await shown(id);
      return /\bfailed\b/.test(text) ? text : null;
    });
    expect(report).toMatch(/`to` \(entry 2\); 1 of 2 recipients have the mail/);
  });
});
