import { nowMs, until } from '../../bench/clock';
import { embeddedAddressOf } from '../../src/temporal/embedded-server';
import { settleAndAudit, type Expected } from './audit';
import { DONE_WITHIN_MS, LOAD_SECONDS, SCENARIO_WITHIN_MS, setStage, tell, type Stage } from './chaos';
import { SupervisedBridge, type Victim } from './supervised-bridge';
import { openRunsAt } from './temporal';
import { traffic } from './traffic';
import { TEXTS } from './witness';

const RULES = `version: 1
rules:
  - name: log-and-post
    on: call_hangup
    do:
      - hubspot.log_call: { unknown_contact: create }
      - slack.post_message: { channel: "#calls", text: "${TEXTS.slack}" }
  - name: answer
    on: [message_created, conversation_message_created]
    when: { direction: inbound }
    do:
      - voipbin.send_message: { text: "${TEXTS.sms}", cooldown: 0s }
`;
const EXPECTED: Expected = { call: ['hubspot.log_call', 'slack.post_message'], message: ['voipbin.send_message'] };
const PER_SECOND = 20;
const VICTIMS: readonly Victim[] = ['worker', 'bridge', 'temporal', 'all'];

describe('kill -9 every few seconds, under load', () => {
  let stage: Stage;

  beforeEach(async () => {
    stage = await setStage('kill');
  });
  afterEach(() => stage.strike());

  it('loses nothing that was acknowledged and does nothing twice', async () => {
    const { random, providers, witness } = stage;
    const dataDir = stage.folder.folder();
    const bridge = await SupervisedBridge.start(random, { dataDir, rules: RULES, env: providers.env });
    stage.endLater(() => bridge.end());
    const sender = stage.newSender();
    const deliveries = traffic(random, { subjects: PER_SECOND * LOAD_SECONDS });

    let sending = true;
    const load = sender.deliverAll(deliveries, PER_SECOND * 1.2, () => bridge.webhook).finally(() => (sending = false));
    const killed: Record<Victim, number> = { worker: 0, bridge: 0, temporal: 0, all: 0 };
    for (let round = 0; sending; round += 1) {
      await until(nowMs() + random.whole(2_000, 5_000));
      const victim = VICTIMS[round % VICTIMS.length] ?? 'all';
      killed[victim] += bridge.kill(victim) > 0 ? 1 : 0;
    }
    await load;

    const acknowledged = [...sender.subjects().values()].filter((subject) => subject.acknowledged).length;
    const ended = nowMs();
    const openRuns = (): Promise<number> => openRunsAt(embeddedAddressOf(dataDir) ?? 'no-server:1');
    const faults = await settleAndAudit({ sender, witness, expected: EXPECTED }, openRuns, DONE_WITHIN_MS);
    tell('kill', `${acknowledged} of ${sender.subjects().size} acknowledged, ${sender.attempts.length} requests, killed ${JSON.stringify(killed)}, ${bridge.restarts} restarts, done ${Math.round((nowMs() - ended) / 1_000)} s after`);
    expect(faults).toEqual([]);
    // Else it was no chaos, or no load.
    expect(Math.min(...Object.values(killed))).toBeGreaterThan(0);
    expect(acknowledged).toBeGreaterThan(deliveries.length / 4);
    // The callers that nobody knew became contacts once each.
    expect(providers.hubspot.contacts.filter(({ properties }) => properties['voipbin_phone'] !== undefined)).toHaveLength(2);
  }, SCENARIO_WITHIN_MS);
});
