import { closeSync, openSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { InboxReader } from '../../src/inbox/archive/reader';
import { settleAndAudit } from './audit';
import { DONE_WITHIN_MS, SCENARIO_WITHIN_MS, setUpScenario, report, type Scenario } from './chaos';
import { CALLS } from './rules';
import type { HonestSender } from './sender';
import { SupervisedBridge } from './supervised-bridge';
import { openRunsAt, OwnTemporal } from './temporal';
import { traffic } from './traffic';

jest.setTimeout(SCENARIO_WITHIN_MS);

const PER_SECOND = 50;
const EVENTS = 200;
const PAGE = 4_096;

describe('a database that was damaged while the bridge was down', () => {
  let scenario: Scenario;
  let temporal: OwnTemporal;
  let dataDir: string;
  let bridge: SupervisedBridge;
  let sender: HonestSender;

  beforeEach(async () => {
    scenario = await setUpScenario('torn');
    temporal = await OwnTemporal.start(scenario.folder.folder());
    scenario.endLater(() => temporal.stop());
    dataDir = scenario.folder.folder();
    const env = { ...scenario.providers.env, TEMPORAL_ADDRESS: temporal.address };
    bridge = await SupervisedBridge.start(scenario.random, {
      dataDir,
      rules: CALLS.text,
      env,
      readyWhen: /^Temporal /m,
    });
    scenario.endLater(() => bridge.end());
    sender = scenario.newSender();
  });

  afterEach(() => scenario.tearDown());

  const openRuns = (): Promise<number> => openRunsAt(temporal.address);
  const send = (events: number): Promise<void> =>
    sender.deliverAll(
      traffic(scenario.random, { subjects: events, kinds: ['call'] }),
      PER_SECOND,
      () => bridge.webhook,
    );
  const asideOf = (file: string): string[] =>
    readdirSync(dataDir).filter((name) => name.startsWith(`${file}.corrupt-`) && name.endsWith('Z'));

  /**
   * Events that wait for their run, Temporal being away, in the file itself and in its log, as a `kill -9` leaves them.
   */
  async function killWithBacklog(): Promise<void> {
    await temporal.stop();
    await send(EVENTS);
    // A clean end folds the log into the file.
    await bridge.stop('SIGTERM');
    await bridge.startAgain();
    await send(EVENTS / 10);
    await bridge.stop('SIGKILL');
  }

  /** Subjects that were acknowledged and whose event the store no longer has. */
  function lost(): Set<string> {
    const inbox = InboxReader.open(dataDir);
    const ids = [...sender.acknowledgedEvents()].filter((id) => !inbox.has(id));
    inbox.close();
    return new Set(ids.map((id) => id.slice(id.indexOf('/') + 1)));
  }

  it.each([
    ['a page in the middle was overwritten', (path: string) => overwritePage(path), EVENTS / 20],
    [
      'the end was cut off',
      (path: string) => truncateSync(path, Math.floor((statSync(path).size * 0.8) / PAGE) * PAGE),
      EVENTS / 2,
    ],
  ])('%s: logs what it set aside, keeps what is readable, and continues', async (_what, tear, mostLost) => {
    await killWithBacklog();
    tear(join(dataDir, 'inbox.db'));
    await temporal.startAgain();
    await bridge.startAgain();
    const gone = lost();
    await send(20);
    const findings = await settleAndAudit(
      { sender, witness: scenario.witness, expected: CALLS.expected, lost: gone },
      openRuns,
      DONE_WITHIN_MS,
    );
    const [, said] =
      /inbox\.db was damaged: (\d+) events could be read and were kept; the damaged file is/.exec(
        bridge.current.output,
      ) ?? [];
    report('torn', `${String(said)} events kept, ${gone.size} lost`);
    expect(said).toBeDefined();
    expect(asideOf('inbox.db')).toHaveLength(1);
    expect(gone.size).toBeLessThanOrEqual(mostLost);
    expect(findings).toEqual([]);
  });

  it('a run log that is garbage is set aside, and no effect is repeated', async () => {
    await send(EVENTS / 2);
    expect(
      await settleAndAudit({ sender, witness: scenario.witness, expected: CALLS.expected }, openRuns, DONE_WITHIN_MS),
    ).toEqual([]);
    await bridge.stop('SIGKILL');
    writeFileSync(join(dataDir, 'dispatch.db'), Buffer.alloc(20_000, 7));
    // Else all of it could be had from there again.
    rmSync(join(dataDir, 'dispatch.db-wal'), { force: true });
    await bridge.startAgain();
    await send(20);
    expect(
      await settleAndAudit({ sender, witness: scenario.witness, expected: CALLS.expected }, openRuns, DONE_WITHIN_MS),
    ).toEqual([]);
    expect(asideOf('dispatch.db')).toHaveLength(1);
  });
});

function overwritePage(path: string): void {
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(PAGE, 0xaa), 0, PAGE, Math.floor(statSync(path).size / PAGE / 2) * PAGE);
  closeSync(file);
}
