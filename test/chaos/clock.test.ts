import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nowMs, until } from '../../bench/clock';
import { InboxReader } from '../../src/inbox/archive/reader';
import { settleAndAudit } from './audit';
import { DONE_WITHIN_MS, LOAD_SECONDS, SCENARIO_WITHIN_MS, setUpScenario, report, type Scenario } from './chaos';
import { CALLS_AND_MESSAGES } from './rules';
import { SupervisedBridge } from './supervised-bridge';
import { openRunsIn } from './temporal';
import { traffic } from './traffic';

jest.setTimeout(SCENARIO_WITHIN_MS);

const PER_SECOND = 15;
const HOUR_MS = 3_600_000;
const JUMPS_MS = [3 * HOUR_MS, -5 * HOUR_MS, 0, 26 * HOUR_MS, -2 * HOUR_MS, 0];

describe("the machine's clock jumps by hours, forwards and back, under load", () => {
  let scenario: Scenario;

  beforeEach(async () => {
    scenario = await setUpScenario('clock');
  });
  afterEach(() => scenario.tearDown());

  it('handles every acknowledged event once', async () => {
    const { random, providers, witness } = scenario;
    const dataDir = scenario.folder.folder();
    const clock = join(scenario.folder.folder(), 'offset-ms');
    const jump = (offsetMs: number): void => {
      writeFileSync(`${clock}.new`, String(offsetMs));
      renameSync(`${clock}.new`, clock);
    };
    jump(0);
    const env = {
      ...providers.env,
      NODE_OPTIONS: `--require ${join(__dirname, 'shifted-clock.cjs')}`,
      CHAOS_CLOCK_FILE: clock,
    };
    const bridge = await SupervisedBridge.start(random, { dataDir, rules: CALLS_AND_MESSAGES.text, env });
    scenario.endLater(() => bridge.end());
    const inbox = InboxReader.open(dataDir);
    scenario.endLater(async () => inbox.close());
    const sender = scenario.newSender();
    const deliveries = traffic(random, { subjects: PER_SECOND * LOAD_SECONDS });

    let sending = true;
    const load = sender.deliverAll(deliveries, PER_SECOND * 1.2, () => bridge.webhook).finally(() => (sending = false));
    const clocks: number[] = [];
    for (let round = 0; sending; round += 1) {
      await until(nowMs() + LOAD_SECONDS * 100);
      // Steps that are tried again are where a clock could matter most.
      providers.slack.failNext({ how: 'lose_answer' });
      providers.hubspot.failNext({ how: 'lose_answer', method: 'POST' });
      providers.voipbin.failNext({ path: '/messages', method: 'POST', how: 'lose_answer' });
      jump(JUMPS_MS[round % JUMPS_MS.length] ?? 0);
      await until(nowMs() + 1_000);
      clocks.push(Math.round(((inbox.newestAt()?.getTime() ?? 0) - Date.now()) / HOUR_MS) + 0);
    }
    await load;
    jump(0);

    const began = nowMs();
    const findings = await settleAndAudit(
      { sender, witness, expected: CALLS_AND_MESSAGES.expected },
      () => openRunsIn(dataDir),
      DONE_WITHIN_MS,
    );
    report(
      'clock',
      `${sender.subjects().size} events, the bridge's clock was off by ${clocks.join(', ')} hours, done ${Math.round((nowMs() - began) / 1_000)} s after`,
    );
    expect(findings).toEqual([]);
    expect(sender.attempts.filter(({ status }) => status !== 200)).toEqual([]);
    // What came after a jump was kept with the time of the clock that had jumped.
    expect(clocks.slice(0, 4)).toEqual(JUMPS_MS.slice(0, 4).map((offset) => offset / HOUR_MS));
    expect(bridge.restarts).toBe(0);
  });
});
