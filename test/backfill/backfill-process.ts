import { writeSync } from 'node:fs';
import { startBackfill } from '../../src/backfill/backfill';
import { Ingest } from '../../src/ingest/ingest';
import { VoipbinClient } from '../../src/connectors/voipbin/client';
import { OwnNumbers } from '../../src/events/own-numbers';
import { Inbox } from '../../src/inbox/inbox';
import { HostList } from '../../src/net/host-list';
import { Secret } from '../../src/settings/secret';
import { inboxOptions, planOf, sentences } from '../inbox/entries';

/*
 * A child process that keeps backfilling. Arguments: data folder, API, by how much its clock stands behind (ms). Writes `pass <recovered>` or
 * `finished <recovered>` for each pass, once what it brought can be read.
 */
const [, , dataDir = '', apiUrl = '', behindMs = '0'] = process.argv;
const opening = Inbox.open(inboxOptions(dataDir));
void opening.then((inbox) => {
  startBackfill({
    dataDir,
    client: new VoipbinClient({ apiUrl, accessKey: new Secret('vb_stand-in'), downloadAllow: HostList.EMPTY }),
    ingest: new Ingest({
      inbox,
      ruleSet: () => ({ hash: '0123456789ab', plan: () => planOf('all') }),
      ownNumbers: new OwnNumbers([], null),
      log: sentences(),
    }),
    log: sentences(),
    metrics: null,
    newestEventAt: null,
    timings: { everyMs: 3_600_000, longestGapMs: 24 * 3_600_000, continueMs: 1 },
    limits: { pagePauseMs: 40, maxPages: 4 },
    now: () => new Date(Date.now() - Number(behindMs)),
    onPass: ({ finished, report }) => void writeSync(1, `${finished ? 'finished' : 'pass'} ${report.total}\n`),
  });
});
// Nothing of the bridge's own keeps a process alive.
setInterval(() => undefined, 1_000);
