import { eventually, nowMs } from '../../bench/clock';
import { RunLogReader } from '../../src/dispatch/run-log';
import { settleAndAudit } from './audit';
import { DONE_WITHIN_MS, SCENARIO_WITHIN_MS, setUpScenario, report, type Scenario } from './chaos';
import { SupervisedBridge, type Victim } from './supervised-bridge';
import { openRunsIn } from './temporal';
import { traffic } from './traffic';

jest.setTimeout(SCENARIO_WITHIN_MS);

const PER_ROUND = 40;
const PER_SECOND = 200;
/** Requests that are not answered: a batch with one of them is open for ten seconds. */
const HANGING = 6;
const OPEN_WITHIN_MS = 60_000;
const VICTIMS: readonly Victim[] = ['worker', 'bridge', 'temporal', 'all'];

describe('kill -9 in the middle of batches', () => {
  let scenario: Scenario;

  beforeEach(async () => {
    scenario = await setUpScenario('batches');
  });
  afterEach(() => scenario.tearDown());

  it('loses no acknowledged event and repeats no effect', async () => {
    const { random, providers, http, witness } = scenario;
    const dataDir = scenario.folder.folder();
    const bridge = await SupervisedBridge.start(random, {
      dataDir,
      rules: `version: 1
rules:
  - name: log
    on: call_hangup
    do:
      - hubspot.log_call: { unknown_contact: create }
  - name: put
    on: call_hangup
    do:
      - http.request: { method: PUT, url: "${http.url}/{{ id }}", body: "x" }
        retry: { for: 1h }
`,
      env: { ...providers.env, BRIDGE_MAX_IN_FLIGHT: '2' },
    });
    scenario.endLater(() => bridge.end());
    const log = new RunLogReader(dataDir);
    scenario.endLater(async () => log.close());
    const sender = scenario.newSender();

    let inBatches = 0;
    let restarts = 0;
    for (const victim of VICTIMS) {
      const expected = restarts;
      await eventually('it runs again', () => (bridge.restarts === expected ? true : null), OPEN_WITHIN_MS);
      await bridge.ready();
      http.failNext('hang', HANGING);
      await sender.deliverAll(
        traffic(random, { subjects: PER_ROUND, kinds: ['call'] }),
        PER_SECOND,
        () => bridge.webhook,
      );
      inBatches += await eventually(
        'a batch is under way',
        () => {
          const members = log.openRuns(1_000).filter(({ batch, own_run }) => batch !== null && !own_run);
          return members.length > 0 ? members.length : null;
        },
        OPEN_WITHIN_MS,
        10,
      );
      expect(bridge.kill(victim)).toBeGreaterThan(0);
      restarts += victim === 'bridge' || victim === 'all' ? 1 : 0;
    }

    const ended = nowMs();
    const findings = await settleAndAudit(
      { sender, witness, expected: { call: ['hubspot.log_call', 'http.request'], message: [] } },
      () => openRunsIn(dataDir),
      DONE_WITHIN_MS,
    );
    const acknowledged = sender.acknowledgedEvents();
    report(
      'batches',
      `${acknowledged.size} events acknowledged, killed with ${inBatches} in batches, ${bridge.restarts} restarts, done ${Math.round((nowMs() - ended) / 1_000)} s after`,
    );
    expect(findings).toEqual([]);
    // Otherwise there was nothing to lose.
    expect(acknowledged.size).toBeGreaterThan(PER_ROUND * 3);
    await eventually(
      'every end is in the run log',
      () => ([...acknowledged].every((id) => log.get(id)?.outcome === 'done') ? true : null),
      DONE_WITHIN_MS,
    );
  });
});
