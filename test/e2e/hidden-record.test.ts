import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { startProviders, type Providers } from './providers';
import { RunningBridge } from './running-bridge';

jest.setTimeout(300_000);

const RULES = `version: 1
rules:
  - name: log
    on: call_hangup
    do:
      - hubspot.log_call: { unknown_contact: create }
`;
const CONTACTS = /\/objects\/contacts$/;
const CONFLICT = { status: 409, body: '{"category":"CONFLICT","message":"The contact exists already."}' };
/** Four attempts, and a few requests each. */
const FEW_REQUESTS = 40;
const shown = z.object({ became: z.string() });

describe('a contact that HubSpot says exists, and shows nowhere', () => {
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

  async function call(number: string): Promise<string> {
    const data = {
      id: randomUUID(),
      direction: 'incoming',
      source: { type: 'tel', target: number },
      destination: { type: 'tel', target: '+15559876543' },
    };
    return (await bridge.post({ type: 'call_hangup', data })).answer.id ?? '';
  }
  const became = async (id: string): Promise<string> =>
    shown.parse(JSON.parse((await bridge.run('events', 'show', id, '--json')).stdout)).became;

  it('keeps no step going round: the call is logged on a new one after a few rounds', async () => {
    providers.hubspot.failNext({ method: 'POST', path: CONTACTS, times: 4, how: CONFLICT });
    const id = await call('+14155552671');
    await bridge.eventually('the run is done', async () => ((await became(id)) === 'done' ? true : null));
    expect(providers.hubspot.calls).toHaveLength(1);
    await bridge.printed(/shows nowhere|does not show; making one without/);
  });

  it('fails and says why, when HubSpot refuses that one too', async () => {
    providers.hubspot.failNext({ method: 'POST', path: CONTACTS, times: 1_000, how: CONFLICT });
    const before = providers.hubspot.requests.length;
    const id = await call('+14155552672');
    await bridge.eventually('the run has failed', async () => ((await became(id)) === 'failed' ? true : null));
    expect((await bridge.run('events', 'show', id)).stdout).toContain('conflict_hidden');
    expect(providers.hubspot.requests.length - before).toBeLessThan(FEW_REQUESTS);
  });
});
