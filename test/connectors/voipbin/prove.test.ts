import type { ActionLog } from '../../../src/connectors/action-log';
import type { Proof } from '../../../src/connectors/proof';
import { voipbin } from '../../../src/connectors/voipbin/connector';
import { voipbinProofs } from '../../../src/connectors/voipbin/prove';
import { startVoipbinStandIn, type VoipbinStandIn } from '../../../src/connectors/voipbin/stand-in/server';
import { proveConnection } from '../../../src/status/connection-proof';

const log: ActionLog = { info: () => undefined, warn: () => undefined };
let standIn: VoipbinStandIn;

beforeEach(async () => {
  standIn = await startVoipbinStandIn();
  standIn.addMessage({ direction: 'inbound', text: 'Hello' });
});

afterEach(() => standIn.stop());

/** The verdicts by proof, and what could not be removed. */
async function prove(names: readonly string[] = voipbinProofs.map(({ name }) => name)) {
  // The connector makes the client that these proofs take.
  const proofs = voipbinProofs.filter(({ name }) => names.includes(name)) as readonly Proof<unknown>[];
  const settings = voipbin.connection.settings.parse(standIn.settings);
  const { signal } = new AbortController();
  const reports = await proveConnection(voipbin, proofs, settings, {
    given: { from: '+15559876543', to: '+15551234567' },
    signal,
    log,
  });
  return {
    verdicts: Object.fromEntries(reports.map(({ proof, verdict }) => [proof, verdict])),
    left: reports.flatMap(({ left }) => left),
  };
}

test('an account in order does as assumed, and its records are deleted', async () => {
  expect(await prove()).toEqual({
    verdicts: {
      'pages-by-time': 'as_assumed',
      'text-listed': 'as_assumed',
      'clock-of-messages': 'as_assumed',
      'text-without-credit': 'unknown',
    },
    left: [],
  });
  expect(standIn.sent).toHaveLength(2);
});

test.each([{ credit: 0 }, { identity: 'none' }] as const)('an account that may send none: %j', async (account) => {
  standIn.setAccount(account);

  expect((await prove()).verdicts).toEqual({
    'pages-by-time': 'as_assumed',
    'text-listed': 'unknown',
    'clock-of-messages': 'unknown',
    'text-without-credit': 'as_assumed',
  });
  expect(standIn.sent).toEqual([]);
});

test('a VoIPBIN that says why it refuses differs', async () => {
  standIn.setAccount({ credit: 0 });
  standIn.failNext({ path: '/messages', method: 'POST', how: { status: 402 } });

  expect((await prove(['text-without-credit'])).verdicts).toEqual({ 'text-without-credit': 'differs' });
});

test('an account without messages cannot tell how it pages', async () => {
  standIn.failNext({ path: '/messages', method: 'GET', how: { status: 200, body: { result: [] } } });

  expect((await prove(['pages-by-time'])).verdicts).toEqual({ 'pages-by-time': 'unknown' });
});
