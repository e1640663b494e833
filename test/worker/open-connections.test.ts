import pino from 'pino';
import { slack } from '../../src/connectors/slack/connector';
import { openConnections } from '../../src/worker/open-connections';

const log = pino({ level: 'silent' });
const settings = { connections: {} };

test('a process that is given the stand-ins of another one starts none of its own', async () => {
  const worker = await openConnections([slack], settings, log);
  const teller = await openConnections([slack], settings, log, worker.standInSettings);
  try {
    expect(teller.standIns).toEqual(['slack']);
    expect(teller.standInSettings).toEqual(worker.standInSettings);
    expect(teller.mailboxes.size).toBe(0);
    expect(worker.mailboxes.get('slack')?.()).toEqual([]);
  } finally {
    await teller.close();
    await worker.close();
  }
});
