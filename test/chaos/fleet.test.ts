import { eventually, nowMs, until } from '../../bench/clock';
import { settleAndAudit } from './audit';
import { DONE_WITHIN_MS, LOAD_SECONDS, SCENARIO_WITHIN_MS, setUpScenario, report, type Scenario } from './chaos';
import { CALLS_AND_MESSAGES } from './rules';
import { SupervisedBridge } from './supervised-bridge';
import { openRunsAt, OwnTemporal } from './temporal';
import { traffic } from './traffic';

jest.setTimeout(SCENARIO_WITHIN_MS);

const PER_SECOND = 15;
/** The share of events that reaches both receivers. */
const TO_BOTH = 0.4;
const TEMPORAL_AWAY_MS = 1_000;
const THERE_WITHIN_MS = 10_000;

describe('two receivers and two workers on one Temporal, each killed now and then', () => {
  let scenario: Scenario;

  beforeEach(async () => {
    scenario = await setUpScenario('fleet');
  });
  afterEach(() => scenario.tearDown());

  it('handle every event that either acknowledged once', async () => {
    const { random, providers, witness } = scenario;
    const temporal = await OwnTemporal.start(scenario.folder.folder());
    scenario.endLater(() => temporal.stop());
    const start = async (mode: 'receiver' | 'worker'): Promise<SupervisedBridge> => {
      const env = { ...providers.env, TEMPORAL_ADDRESS: temporal.address };
      const bridge = await SupervisedBridge.start(random, {
        dataDir: scenario.folder.folder(),
        rules: CALLS_AND_MESSAGES.text,
        env,
        args: ['--mode', mode],
        readyWhen: /^Temporal /m,
      });
      scenario.endLater(() => bridge.end());
      return bridge;
    };
    const receivers = [await start('receiver'), await start('receiver')];
    const workers = [await start('worker'), await start('worker')];

    const sender = scenario.newSender();
    const deliveries = traffic(random, { subjects: PER_SECOND * LOAD_SECONDS });
    // An event for both is sent to each separately, with its own retries.
    const targets = deliveries.map(() => (random.next() < TO_BOTH ? receivers : [random.pick(receivers)]));
    const both = deliveries.flatMap((delivery, index) =>
      (targets[index] ?? []).map((receiver) => ({ delivery, receiver })),
    );
    const urls = new Map(both.map(({ delivery, receiver }) => [{ ...delivery }, receiver.webhook]));
    let sending = true;
    const load = sender
      .deliverAll(
        [...urls.keys()],
        (PER_SECOND * both.length) / deliveries.length,
        (delivery) => urls.get(delivery) ?? '',
      )
      .finally(() => (sending = false));

    const killed = { receiver: 0, worker: 0, temporal: 0 };
    for (let round = 0; sending || round < 4; round += 1) {
      await until(nowMs() + random.whole(1_000, 3_000));
      if (round % 4 === 3) {
        temporal.kill();
        killed.temporal += 1;
        await until(nowMs() + TEMPORAL_AWAY_MS);
        await temporal.startAgain();
      } else {
        const kind = round % 2 === 0 ? 'receiver' : 'worker';
        const victim = random.pick(kind === 'receiver' ? receivers : workers);
        await eventually(
          `there was a ${kind} to kill`,
          () => (victim.kill('bridge') > 0 ? true : null),
          THERE_WITHIN_MS,
        );
        killed[kind] += 1;
      }
    }
    await load;

    const began = nowMs();
    const findings = await settleAndAudit(
      { sender, witness, expected: CALLS_AND_MESSAGES.expected },
      () => openRunsAt(temporal.address),
      DONE_WITHIN_MS,
    );
    const acknowledged = [...sender.subjects().values()].filter((subject) => subject.acknowledged).length;
    report(
      'fleet',
      `${acknowledged} of ${sender.subjects().size} acknowledged, ${sender.attempts.length} requests, killed ${JSON.stringify(killed)}, done ${Math.round((nowMs() - began) / 1_000)} s after`,
    );
    expect(findings).toEqual([]);
    expect(acknowledged).toBeGreaterThan(deliveries.length / 3);
  });
});
