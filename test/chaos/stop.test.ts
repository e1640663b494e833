import { nowMs, until } from '../../bench/clock';
import { settleAndAudit } from './audit';
import { Balancer } from './balancer';
import { DONE_WITHIN_MS, LOAD_SECONDS, SCENARIO_WITHIN_MS, setUpScenario, report, type Scenario } from './chaos';
import { CALLS_AND_MESSAGES } from './rules';
import { SupervisedBridge } from './supervised-bridge';
import { openRunsAt, openRunsIn, OwnTemporal } from './temporal';
import { traffic } from './traffic';

jest.setTimeout(SCENARIO_WITHIN_MS);

const PER_SECOND = 15;
/** Ten seconds for requests under way, twenty-five for the worker's attempts, fifteen for Temporal's server. */
const ENDS_WITHIN_MS = 50_000;

describe('stopping under load', () => {
  let scenario: Scenario;

  beforeEach(async () => {
    scenario = await setUpScenario('stop');
  });
  afterEach(() => scenario.tearDown());

  it('a bridge stops within its limit with exit code 0, and every acknowledged event is handled after the restart', async () => {
    const { random, providers, witness } = scenario;
    const dataDir = scenario.folder.folder();
    const bridge = await SupervisedBridge.start(random, {
      dataDir,
      rules: CALLS_AND_MESSAGES.text,
      env: providers.env,
    });
    scenario.endLater(() => bridge.end());
    const sender = scenario.newSender();
    let sending = true;
    const load = sender
      .deliverAll(traffic(random, { subjects: PER_SECOND * LOAD_SECONDS }), PER_SECOND * 1.2, () => bridge.webhook)
      .finally(() => (sending = false));

    const ends: { signal: string; code: number | null; ms: number }[] = [];
    while (sending || ends.length < 2) {
      await until(nowMs() + LOAD_SECONDS * 200);
      await bridge.ready();
      const signal = random.pick(['SIGTERM', 'SIGINT'] as const);
      const began = nowMs();
      const code = await bridge.restart(signal);
      ends.push({ signal, code, ms: Math.round(nowMs() - began) });
    }
    await load;

    const findings = await settleAndAudit(
      { sender, witness, expected: CALLS_AND_MESSAGES.expected },
      () => openRunsIn(dataDir),
      DONE_WITHIN_MS,
    );
    const acknowledged = [...sender.subjects().values()].filter((subject) => subject.acknowledged).length;
    report(
      'stop',
      `${acknowledged} of ${sender.subjects().size} acknowledged; ${ends.map(({ signal, code, ms }) => `${signal}: exit ${String(code)} after ${ms} ms`).join(', ')}`,
    );
    expect(findings).toEqual([]);
    expect(ends.filter(({ code, ms }) => code !== 0 || ms > ENDS_WITHIN_MS)).toEqual([]);
    expect(acknowledged).toBeGreaterThan(sender.subjects().size / 4);
  });

  it('receivers behind a load balancer are restarted one after the other, and no event is lost', async () => {
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
    await start('worker');
    const balancer = await Balancer.start(receivers);
    scenario.endLater(() => balancer.stop());
    const sender = scenario.newSender();
    let sending = true;
    const load = sender
      .deliverAll(traffic(random, { subjects: PER_SECOND * LOAD_SECONDS }), PER_SECOND * 1.2, () => balancer.url)
      .finally(() => (sending = false));

    const codes: (number | null)[] = [];
    for (let round = 0; sending || round < receivers.length; round += 1) {
      await until(nowMs() + 1_000);
      const receiver = receivers[round % receivers.length] ?? receivers[0];
      if (receiver !== undefined) {
        codes.push(await receiver.restart('SIGTERM'));
        await receiver.ready();
      }
    }
    await load;

    const findings = await settleAndAudit(
      { sender, witness, expected: CALLS_AND_MESSAGES.expected },
      () => openRunsAt(temporal.address),
      DONE_WITHIN_MS,
    );
    const again = sender.attempts.filter(({ status }) => status !== 200).length;
    report('stop', `rolling: ${codes.length} restarts, ${sender.subjects().size} events, ${again} requests sent again`);
    expect(findings).toEqual([]);
    expect(codes.filter((code) => code !== 0)).toEqual([]);
    expect([...sender.subjects().values()].filter(({ acknowledged }) => !acknowledged)).toEqual([]);
  });
});
