import { eventually, nowMs, until } from '../../bench/clock';
import { settleAndAudit } from './audit';
import { DONE_WITHIN_MS, LOAD_SECONDS, SCENARIO_WITHIN_MS, setStage, tell, type Stage } from './chaos';
import { CALLS_AND_MESSAGES } from './rules';
import { SupervisedBridge, type Victim } from './supervised-bridge';
import { openRunsIn } from './temporal';
import { traffic } from './traffic';

jest.setTimeout(SCENARIO_WITHIN_MS);

const PER_SECOND = 20;
/** A worker that ended is started again after up to half a minute. */
const THERE_WITHIN_MS = 60_000;
/** Else nothing is being sent at the moment, for everything was killed just now. */
const SENT_WITHIN_MS = 2_000;
const VICTIMS: readonly Victim[] = ['worker', 'bridge', 'temporal', 'all'];

describe('kill -9 every few seconds, under load', () => {
  let stage: Stage;

  beforeEach(async () => {
    stage = await setStage('kill');
  });
  afterEach(() => stage.strike());

  it('loses no acknowledged event and repeats no effect', async () => {
    const { random, providers, witness } = stage;
    const dataDir = stage.folder.folder();
    const bridge = await SupervisedBridge.start(random, {
      dataDir,
      rules: CALLS_AND_MESSAGES.text,
      env: providers.env,
    });
    stage.endLater(() => bridge.end());
    const sender = stage.newSender();
    const deliveries = traffic(random, { subjects: PER_SECOND * LOAD_SECONDS });

    let sending = true;
    const load = sender.deliverAll(deliveries, PER_SECOND * 1.2, () => bridge.webhook).finally(() => (sending = false));
    const killed: Record<Victim, number> = { worker: 0, bridge: 0, temporal: 0, all: 0 };
    for (let round = 0; sending || round < VICTIMS.length; round += 1) {
      await until(nowMs() + random.whole(1_000, 4_000));
      const victim = VICTIMS[round % VICTIMS.length] ?? 'all';
      // The worst moment to die at: the text is sent, and only VoIPBIN knows.
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
    const faults = await settleAndAudit(
      { sender, witness, expected: CALLS_AND_MESSAGES.expected },
      () => openRunsIn(dataDir),
      DONE_WITHIN_MS,
    );
    tell(
      'kill',
      `${acknowledged} of ${sender.subjects().size} acknowledged, ${sender.attempts.length} requests, killed ${JSON.stringify(killed)}, ${bridge.restarts} restarts, done ${Math.round((nowMs() - ended) / 1_000)} s after`,
    );
    expect(faults).toEqual([]);
    // Else it was no load.
    expect(acknowledged).toBeGreaterThan(deliveries.length / 4);
    // The callers that nobody knew became contacts once each.
    expect(
      providers.hubspot.contacts.filter(({ properties }) => properties['voipbin_phone'] !== undefined),
    ).toHaveLength(2);
  });
});
