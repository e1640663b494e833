import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, nowMs, until } from '../../bench/clock';
import { childrenOf } from '../../bench/processes';
import { InboxReader } from '../../src/inbox/archive/reader';
import { settleAndAudit } from './audit';
import { DONE_WITHIN_MS, LOAD_SECONDS, SCENARIO_WITHIN_MS, setUpScenario, report, type Scenario } from './chaos';
import { CALLS } from './rules';
import type { HonestSender } from './sender';
import { canMount, limitedDisk, mountSmallDisk, type SmallDisk } from './small-disk';
import { SupervisedBridge } from './supervised-bridge';
import { openRunsAt, OwnTemporal } from './temporal';
import { traffic } from './traffic';

jest.setTimeout(SCENARIO_WITHIN_MS);

const PER_SECOND = 20;
const DISK_MIB = 16;
const FULL_FOR_MS = 3_000;
const NOTICED_WITHIN_MS = 30_000;

describe('the disk', () => {
  let scenario: Scenario;
  let temporal: OwnTemporal;
  let disk: SmallDisk;
  let bridge: SupervisedBridge;
  let dataDir: string;
  let sender: HonestSender;

  beforeAll(async () => {
    scenario = await setUpScenario('disk');
    sender = scenario.newSender();
    temporal = await OwnTemporal.start(scenario.folder.folder());
    scenario.endLater(() => temporal.stop());
    const path = scenario.folder.folder();
    const pids = (): number[] => {
      const pid = bridge.current.process.pid ?? 0;
      return [pid, ...childrenOf(pid, 'worker-main')];
    };
    disk = canMount() ? mountSmallDisk(path, DISK_MIB) : limitedDisk(path, pids);
    scenario.endLater(async () => disk.end());
    dataDir = join(disk.path, 'data');
    mkdirSync(dataDir);
    const env = { ...scenario.providers.env, TEMPORAL_ADDRESS: temporal.address };
    bridge = await SupervisedBridge.start(scenario.random, { dataDir, rules: CALLS.text, env });
    scenario.endLater(() => bridge.end());
  });

  afterAll(() => scenario.tearDown());

  const readiness = async (): Promise<{ status: number; text: string }> => {
    const response = await fetch(`${bridge.admin}/readyz`);
    return { status: response.status, text: await response.text() };
  };

  (canMount() ? describe : describe.skip)('is read-only at the start', () => {
    it('the bridge refuses to start and says why, until it is writable', async () => {
      expect(await bridge.stop('SIGTERM')).toBe(0);
      disk.setReadOnly(true);
      const refused = await bridge.refuseToStart();
      disk.setReadOnly(false);
      expect(refused.code).toBe(1);
      expect(refused.output).toMatch(/data folder .* cannot be used/);
      await bridge.startAgain();
      const before = sender.attempts.length;
      await sender.deliverAll(
        traffic(scenario.random, { subjects: 10, kinds: ['call'] }),
        PER_SECOND,
        () => bridge.webhook,
      );
      expect(sender.attempts.slice(before).filter(({ status }) => status !== 200)).toEqual([]);
      expect(
        await settleAndAudit(
          { sender, witness: scenario.witness, expected: CALLS.expected },
          () => openRunsAt(temporal.address),
          DONE_WITHIN_MS,
        ),
      ).toEqual([]);
    });
  });

  it('is full for a while: events get 503, /readyz says so, events are accepted again when there is space, and none is lost', async () => {
    const deliveries = traffic(scenario.random, { subjects: PER_SECOND * LOAD_SECONDS, kinds: ['call'] });
    const load = sender.deliverAll(deliveries, PER_SECOND, () => bridge.webhook);
    await until(nowMs() + (LOAD_SECONDS * 1_000) / 4);

    disk.fill();
    const full = await eventually(
      'readiness says that events cannot be kept',
      () => readiness().then((now) => (now.status === 503 ? now : null)),
      NOTICED_WITHIN_MS,
    );
    await until(nowMs() + FULL_FOR_MS);
    disk.free();
    const freed = nowMs();
    await eventually(
      'readiness says that events can be kept',
      async () => ((await readiness()).status === 200 ? true : null),
      NOTICED_WITHIN_MS,
    );
    await load;

    const began = nowMs();
    const findings = await settleAndAudit(
      { sender, witness: scenario.witness, expected: CALLS.expected },
      () => openRunsAt(temporal.address),
      DONE_WITHIN_MS,
    );
    const refused = sender.attempts.filter(({ status }) => status === 503);
    report(
      'disk',
      `${refused.length} of ${sender.attempts.length} requests refused, by a ${canMount() ? 'full file system' : 'limit on the size of files'}; done ${Math.round((nowMs() - began) / 1_000)} s after`,
    );
    expect(findings).toEqual([]);
    expect(full.text).toContain('events cannot be kept: the d');
    expect(refused.length).toBeGreaterThan(0);
    // VoIPBIN understands every one of these answers, and the bridge recovered without help.
    expect(sender.attempts.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
    expect(
      sender.attempts.filter(({ sentAt, status }) => sentAt > freed + NOTICED_WITHIN_MS / 10 && status !== 200),
    ).toEqual([]);
    expect(bridge.restarts).toBe(0);
    // Last, for this process would keep the disk busy.
    const inbox = InboxReader.open(dataDir);
    const lost = [...sender.acknowledgedEvents()].filter((id) => !inbox.has(id));
    inbox.close();
    expect(lost).toEqual([]);
  });

  it('is full when the bridge is stopped: it stops, and continues when there is space', async () => {
    // Nothing comes meanwhile: the bridge finds out only as it ends.
    disk.fill();
    const code = await bridge.stop('SIGTERM');
    disk.free();
    await bridge.startAgain();
    const findings = await settleAndAudit(
      { sender, witness: scenario.witness, expected: CALLS.expected },
      () => openRunsAt(temporal.address),
      DONE_WITHIN_MS,
    );
    expect(findings).toEqual([]);
    expect(code).toBe(0);
  });
});
