import { nowMs, until } from '../../bench/clock';
import { settleAndAudit } from './audit';
import { DONE_WITHIN_MS, LOAD_SECONDS, SCENARIO_WITHIN_MS, setUpScenario, report, type Scenario } from './chaos';
import { agreement } from './order';
import { CALLS } from './rules';
import type { HonestSender } from './sender';
import { SupervisedBridge } from './supervised-bridge';
import { TcpProxy } from './tcp-proxy';
import { createNamespace, openRunsAt, OwnTemporal } from './temporal';
import { traffic } from './traffic';

jest.setTimeout(SCENARIO_WITHIN_MS);

const NAMESPACE = 'made-later';
const PER_SECOND = 30;
/** An outage takes as long as the events that are sent during it. */
const OUTAGE_SECONDS = Math.max(6, LOAD_SECONDS / 3);
/**
 * Few, so that it shows: without a bound some 25 are open on a small machine. Beside so many single runs there are up to
 * four batches. Those that take longer than three seconds no longer count as in flight; on a busy machine they are as many again and a few more.
 */
const [MOST_IN_FLIGHT, MOST_OPEN] = [4, 20];
/**
 * What "oldest first" means with some in flight: the order of effects agrees with that of arrival, but for neighbours.
 */
const LEAST_AGREEMENT = 0.9;
/** No ack waits for Temporal; a busy machine may take its time. */
const ACK_WITHIN_MS = 3_000;

describe('while Temporal is unavailable', () => {
  let scenario: Scenario;
  let temporal: OwnTemporal;
  let proxy: TcpProxy;
  let bridge: SupervisedBridge;
  /** One for all outages: every one of them is held against all that was ever sent. */
  let sender: HonestSender;
  const openRuns = (): Promise<number> => openRunsAt(temporal.address, NAMESPACE);

  beforeAll(async () => {
    scenario = await setUpScenario('temporal-outages');
    sender = scenario.newSender();
    temporal = await OwnTemporal.start(scenario.folder.folder());
    scenario.endLater(() => temporal.stop());
    proxy = await TcpProxy.start(temporal.address);
    scenario.endLater(() => proxy.refuse());
    bridge = await SupervisedBridge.start(scenario.random, {
      dataDir: scenario.folder.folder(),
      rules: CALLS.text,
      env: {
        ...scenario.providers.env,
        TEMPORAL_ADDRESS: proxy.address,
        TEMPORAL_NAMESPACE: NAMESPACE,
        BRIDGE_MAX_IN_FLIGHT: String(MOST_IN_FLIGHT),
      },
      readyWhen: /^Temporal /m,
    });
    scenario.endLater(() => bridge.end());
  });

  afterAll(() => scenario.tearDown());

  /**
   * Sends events while Temporal is unavailable, makes it available again, and audits.
   * @returns one sentence per finding.
   */
  async function outage(name: string, perSecond: number, comesBack: () => Promise<void> | void): Promise<string[]> {
    const first = sender.attempts.length;
    const deliveries = traffic(scenario.random, { subjects: perSecond * OUTAGE_SECONDS, kinds: ['call'] });
    await sender.deliverAll(deliveries, perSecond, () => bridge.webhook);
    const attempts = sender.attempts.slice(first).sort((one, other) => one.answeredAt - other.answeredAt);
    const late = attempts.filter(
      ({ sentAt, answeredAt, status }) => status !== 200 || answeredAt - sentAt > ACK_WITHIN_MS,
    );

    await comesBack();
    const began = nowMs();
    let mostOpen = 0;
    let draining = true;
    const watch = (async () => {
      while (draining) {
        mostOpen = Math.max(mostOpen, await openRuns().catch(() => 0));
        await until(nowMs() + 150);
      }
    })();
    const undone = await settleAndAudit(
      { sender, witness: scenario.witness, expected: CALLS.expected },
      openRuns,
      DONE_WITHIN_MS,
    );
    draining = false;
    await watch;

    const arrived = [...new Set(attempts.map(({ delivery }) => delivery.subject.id))];
    const agreed = agreement(
      arrived,
      scenario.witness.effects().map(({ subject }) => subject ?? ''),
    );
    report(
      'temporal-outages',
      `${name}: ${arrived.length} events, done ${Math.round((nowMs() - began) / 1_000)} s after, at most ${mostOpen} runs open, order ${agreed.toFixed(3)}`,
    );
    return [
      ...late.map(
        ({ delivery, status, sentAt, answeredAt }) =>
          `${delivery.eventId}: answered ${String(status)} after ${Math.round(answeredAt - sentAt)} ms`,
      ),
      ...undone,
      ...(mostOpen > MOST_OPEN ? [`${mostOpen} runs were open at a time`] : []),
      ...(agreed < LEAST_AGREEMENT
        ? [`not oldest first: the order of effects and that of arrival agree by ${agreed.toFixed(3)} only`]
        : []),
    ];
  }

  it('because its namespace does not exist yet', async () => {
    expect(await outage('namespace missing', PER_SECOND, () => createNamespace(temporal.address, NAMESPACE))).toEqual(
      [],
    );
  });

  it('because it is stopped', async () => {
    await proxy.refuse();
    await temporal.stop();
    const comesBack = async (): Promise<void> => {
      await temporal.startAgain();
      await proxy.accept();
    };
    expect(await outage('stopped', PER_SECOND, comesBack)).toEqual([]);
  });

  it('because it hangs, and the bridge reports that events wait', async () => {
    temporal.freeze();
    let said = '';
    const comesBack = async (): Promise<void> => {
      said = await readyz(bridge);
      temporal.thaw();
    };
    expect(await outage('frozen', PER_SECOND, comesBack)).toEqual([]);
    expect(said).toMatch(/[1-9]\d* events wait to be started/);
    expect(await readyz(bridge)).toContain('no event waits');
  });

  it('because the network is slow', async () => {
    proxy.delayMs = 200;
    const comesBack = (): void => {
      proxy.delayMs = 0;
    };
    expect(await outage('slow', PER_SECOND / 3, comesBack)).toEqual([]);
  });
});

async function readyz(bridge: SupervisedBridge): Promise<string> {
  return (await fetch(`${bridge.admin}/readyz`)).text();
}
