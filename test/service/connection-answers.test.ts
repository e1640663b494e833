import { Client, Connection } from '@temporalio/client';
import type { Question } from '../../src/service/child/messages';
import { answerAboutConnections } from '../../src/service/connection-answers';
import { RuleSecrets } from '../../src/settings/rule-secrets';

const client = new Client({ connection: Connection.lazy({ address: '127.0.0.1:1' }) });
const asked: Question = { about: 'secrets', references: ['env:CRM_TOKEN', 'env:OTHER', 'env:VOIPBIN_TOKEN'] };

test('whoever asks for secrets learns which are there and why others are not, but no value', async () => {
  const ruleSecrets = new RuleSecrets({
    allowed: ['CRM_TOKEN', 'OTHER'],
    environment: 'development',
    own: { variables: new Set(), files: [] },
    env: { CRM_TOKEN: 's3cret', VOIPBIN_TOKEN: 's3cret' },
    folder: '/',
  });
  const worker = { connections: {}, ruleSecrets };
  const answer = await answerAboutConnections({ client, worker, standIns: new Map() }, asked);
  expect(answer).toEqual({
    'env:CRM_TOKEN': { ok: true },
    'env:OTHER': expect.objectContaining({ ok: false, kind: 'missing' }) as object,
    'env:VOIPBIN_TOKEN': expect.objectContaining({ ok: false, kind: 'refused' }) as object,
  });
  expect(JSON.stringify(answer)).not.toContain('s3cret');
});

test('without a worker here, nothing is known of secrets', async () => {
  expect(await answerAboutConnections({ client, worker: null, standIns: new Map() }, asked)).toBeNull();
});
