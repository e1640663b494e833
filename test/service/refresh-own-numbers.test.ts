import { pino } from 'pino';
import { startVoipbinStandIn, type VoipbinStandIn } from '../../src/connectors/voipbin/stand-in/server';
import { connectors } from '../../src/connectors/registry';
import { OwnNumbers } from '../../src/events/own-numbers';
import { refreshOwnNumbers } from '../../src/service/refresh-own-numbers';
import { loadSettings } from '../../src/settings/load';

let standIn: VoipbinStandIn;
beforeEach(async () => {
  standIn = await startVoipbinStandIn({ numbers: ['+15559876543'] });
});
afterEach(() => standIn.stop());

async function learned(): Promise<OwnNumbers> {
  const loaded = loadSettings({
    connectors,
    env: {
      VOIPBIN_API_URL: standIn.url,
      VOIPBIN_ACCESS_KEY: 'vb_stand-in',
      VOIPBIN_AGENT_NUMBERS: '+1 555 000 7777',
    },
    directory: __dirname,
  });
  if (!loaded.ok) {
    throw new Error('the settings are not valid');
  }
  const ours = new OwnNumbers(loaded.settings.numbers, null);
  const stop = await refreshOwnNumbers(ours, loaded.settings, pino({ level: 'silent' }));
  // The list of agents is read last.
  while (!ours.has('+15550009999')) {
    await new Promise(setImmediate);
  }
  stop();
  return ours;
}

test('the numbers of the account, the phones of its agents and those in the settings are ours', async () => {
  standIn.addAgent({
    id: 'a1',
    name: 'Ann Example',
    addresses: [
      { type: 'extension', target: '1001' },
      { type: 'tel', target: '+15550009999' },
    ],
  });
  const ours = await learned();
  expect(['+15559876543', '+15550009999', '+15550007777', '1001', '+15551234567'].map((one) => ours.has(one))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});
