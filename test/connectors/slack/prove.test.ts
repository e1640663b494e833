import type { ActionLog } from '../../../src/connectors/action-log';
import { slack } from '../../../src/connectors/slack/connector';
import { startSlackStandIn, type SlackStandIn } from '../../../src/connectors/slack/stand-in';
import { slackProofs } from '../../../src/connectors/slack/prove';
import type { Proof } from '../../../src/connectors/proof';
import { proveConnection, type ProofReport } from '../../../src/status/connection-proof';

const log: ActionLog = { info: () => undefined, warn: () => undefined };

let standIn: SlackStandIn;
afterEach(() => standIn.stop());

async function prove(clientMsgId: 'ignored' | 'recognised', missingScope?: string): Promise<ProofReport[]> {
  standIn = await startSlackStandIn({ clientMsgId });
  standIn.scopes.delete(missingScope ?? '');
  // The connector below makes the client that these proofs take.
  const proofs = slackProofs as readonly Proof<unknown>[];
  const settings = slack.connection.settings.parse(standIn.settings);
  const { signal } = new AbortController();
  return proveConnection(slack, proofs, settings, { given: { channel: '#tests' }, signal, log });
}

const verdicts = (reports: readonly ProofReport[]): Record<string, string> =>
  Object.fromEntries(reports.map(({ proof, verdict }) => [proof, verdict]));

test('a workspace that recognises a repeated post does as assumed, and nothing is left in it', async () => {
  const reports = await prove('recognised');
  expect(verdicts(reports)).toEqual({
    'scopes-named': 'as_assumed',
    'repeated-client-msg-id': 'as_assumed',
    'repeated-after-removal': 'as_assumed',
    'long-text': 'as_assumed',
  });
  expect(standIn.messages).toEqual([]);
  expect(reports.flatMap(({ left }) => left)).toEqual([]);
});

test('one that ignores the id differs, with what follows, and nothing is left in it', async () => {
  const reports = await prove('ignored');
  expect(verdicts(reports)).toMatchObject({
    'repeated-client-msg-id': 'differs',
    'repeated-after-removal': 'differs',
  });
  expect(reports.find(({ proof }) => proof === 'repeated-client-msg-id')?.means).toContain('on_ambiguous: fail');
  expect(standIn.messages).toEqual([]);
});

test('pieces of a long text that the token cannot find are named', async () => {
  const reports = await prove('recognised', 'channels:history');
  expect(reports.find(({ proof }) => proof === 'long-text')?.left).toMatchObject([
    { what: expect.stringContaining('the other pieces of a long text') },
  ]);
});

test('a token that may not post leaves the questions open', async () => {
  const reports = await prove('recognised', 'chat:write');
  expect(verdicts(reports)).toMatchObject({ 'repeated-client-msg-id': 'unknown', 'long-text': 'unknown' });
});
