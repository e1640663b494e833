import { eventually, nowMs, until } from '../../bench/clock';
import { settleAndAudit } from './audit';
import { DONE_WITHIN_MS, LOAD_SECONDS, SCENARIO_WITHIN_MS, setUpScenario, report, type Scenario } from './chaos';
import { CALLS_AND_MESSAGES } from './rules';
import { SupervisedBridge, type Victim } from './supervised-bridge';
import { openRunsIn } from './temporal';
import { traffic } from './traffic';

jest.setTimeout(SCENARIO_WITHIN_MS);

const PER_SECOND = 20;
/** A worker that ended is started again after up to half a minute. */
const THERE_WITHIN_MS = 60_000;
/** After this, nothing is being sent: everything was killed just now. */
const SENT_WITHIN_MS = 2_000;
const VICTIMS: readonly Victim[] = ['worker', 'bridge', 'temporal', 'all'];

describe('kill -9 every few seconds, under load', () => {
  let scenario: Scenario;

  beforeEach(async () => {
    scenario = await setUpScenario('kill');
  });
  afterEach(() => scenario.tearDown());

  it('loses no acknowledged event and repeats no effect', async () => {
    const { random, providers, witness } = scenario;
    const dataDir = scenario.folder.folder();
    const bridge = await SupervisedBridge.start(random, {
      dataDir,
      rules: CALLS_AND_MESSAGES.text,
      env: providers.env,
    });
    scenario.endLater(() => bridge.end());
    const sender = scenario.newSender();
    const deliveries = traffic(random, { subjects: PER_SECOND * LOAD_SECONDS });

    let sending = true;
    const load = sender.deliverAll(deliveries, PER_SECOND * 1.2, () => bridge.webhook).finally(() => (sending = false));
    const killed: Record<Victim, number> = { worker: 0, bridge: 0, temporal: 0, all: 0 };
    for (let round = 0; sending || round < VICTIMS.length; round += 1) {
      await until(nowMs() + random.whole(1_000, 4_000));
      const victim = VICTIMS[round % VICTIMS.length] ?? 'all';
      // The worst moment to be killed: the text is sent, and only VoIPBIN knows it.
      const sent = providers.voipbin.sent.at(-1);
      providers.voipbin.failNext({ path: '/messages', method: 'POST', how: 'hang_after_effect' });
      await eventually(
        'another text is sent',
        () => (providers.voipbin.sent.at(-1) !== sent ? true : null),
        SENT_WITHIN_MS,
        10,
      ).catch(() => undefined);
      await eventually(`there was a ${victim} to kill`, () => (bridge.kill(victim) > 0 ? true : null), THERE_WITHIN_MS);
      killed[victim] += 1;
    }
    await load;

    const acknowledged = [...sender.subjects().values()].filter((subject) => subject.acknowledged).length;
    const ended = nowMs();
    const findings = await settleAndAudit(
      { sender, witness, expected: CALLS_AND_MESSAGES.expected },
      () => openRunsIn(dataDir),
      DONE_WITHIN_MS,
    );
    report(
      'kill',
      `${acknowledged} of ${sender.subjects().size} acknowledged, ${sender.attempts.length} requests, killed ${JSON.stringify(killed)}, ${bridge.restarts} restarts, done ${Math.round((nowMs() - ended) / 1_000)} s after`,
    );
    expect(findings).toEqual([]);
    // Otherwise there was no load.
    expect(acknowledged).toBeGreaterThan(deliveries.length / 4);
    // Each unknown caller became one contact.
    expect(
      providers.hubspot.contacts.filter(({ properties }) => properties['voipbin_phone'] !== undefined),
    ).toHaveLength(2);
  });
});
