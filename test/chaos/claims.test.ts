import { z } from 'zod';
import { eventually, nowMs } from '../../bench/clock';
import { DONE_WITHIN_MS, SCENARIO_WITHIN_MS, setUpScenario, report, type Scenario } from './chaos';
import { SupervisedBridge, type Victim } from './supervised-bridge';

jest.setTimeout(SCENARIO_WITHIN_MS);

const CALLERS = 10;
const CALLS_OF_EACH = 24;
const MAX = 7;
/** Calls between two kills. */
const KILL_EVERY = 40;
const VICTIMS: readonly Victim[] = ['worker', 'temporal', 'bridge', 'temporal', 'all'];
const TAKEN_WITHIN_MS = 90_000;

/** It is about noon there, so that no day ends during the scenario. Etc/GMT-3 is three hours ahead of UTC. */
function zoneOfNoon(): string {
  const hours = 12 - new Date().getUTCHours();
  return `Etc/GMT${hours > 0 ? '-' : '+'}${Math.abs(hours)}`;
}

const rules = (sink: string): string => `
version: 1
defaults:
  timezone: ${zoneOfNoon()}
rules:
  - name: first-call
    on: call_hangup
    limits: { cooldown: 2h per peer.number }
    do:
      - http.request: { method: POST, url: '${sink}/{{ id }}', headers: { Idempotency-Key: cooldown }, body: { id: '{{ id }}' } }
  - name: sample
    on: call_hangup
    limits: { max: ${MAX} per day per peer.number }
    do:
      - http.request: { method: POST, url: '${sink}/{{ id }}', headers: { Idempotency-Key: max }, body: { id: '{{ id }}' } }
`;

const callerOf = (index: number): string => `+1555123${4000 + (index % CALLERS)}`;

const hangup = (index: number): string =>
  JSON.stringify({
    type: 'call_hangup',
    data: {
      id: `call-${index}`,
      direction: 'incoming',
      source: { type: 'tel', target: callerOf(index) },
      destination: { type: 'tel', target: '+15559876543' },
      status: 'hangup',
      tm_create: '2026-08-22T06:10:54.788Z',
      tm_progressing: '2026-08-22T06:10:55.765Z',
      tm_hangup: '2026-08-22T06:10:58.431201Z',
    },
  });

describe('cooldowns and limits, while everything is killed', () => {
  let scenario: Scenario;
  let bridge: SupervisedBridge;

  beforeEach(async () => {
    scenario = await setUpScenario('claims');
  });
  afterEach(() => scenario.tearDown());

  /** Sends an event until it is stored. */
  const send = (index: number): Promise<true> =>
    eventually(
      `call-${index} is stored`,
      async () => {
        const answer = await fetch(bridge.webhook, { method: 'POST', body: hangup(index) }).catch(() => null);
        return answer?.status === 200 ? true : null;
      },
      TAKEN_WITHIN_MS,
    );

  const list = async (status: string): Promise<number> => {
    const { stdout } = await bridge.current.run('events', 'list', '--status', status, '--limit', '1000', '--json');
    return stdout === '' ? 0 : z.array(z.unknown()).parse(JSON.parse(stdout)).length;
  };

  it('admit exactly as many events of each caller as the rules say, each of them once', async () => {
    const { http } = scenario;
    bridge = await SupervisedBridge.start(scenario.random, {
      dataDir: scenario.folder.folder(),
      rules: rules(http.url),
      env: scenario.providers.env,
    });
    scenario.endLater(() => bridge.end());

    const calls = CALLERS * CALLS_OF_EACH;
    for (let index = 0; index < calls; index += KILL_EVERY) {
      const sending = Array.from({ length: KILL_EVERY }, (_, more) => send(index + more));
      const victim = VICTIMS[index / KILL_EVERY];
      if (victim !== undefined) {
        const acted = http.requests.length;
        await eventually('a rule acts', () => (http.requests.length > acted ? true : null), TAKEN_WITHIN_MS, 5);
        await eventually(
          `there was a ${victim} to kill`,
          () => (bridge.kill(victim) > 0 ? true : null),
          TAKEN_WITHIN_MS,
        );
      }
      await Promise.all(sending);
    }
    const ended = nowMs();
    await eventually(
      'all are over',
      async () => ((await list('done')) + (await list('skipped')) === calls ? true : null),
      DONE_WITHIN_MS,
      500,
    );
    report(
      'claims',
      `${calls} events, ${bridge.restarts} restarts, over ${Math.round((nowMs() - ended) / 1_000)} s after`,
    );

    const admitted = (key: string): Map<string, number> => {
      const byCaller = new Map<string, number>();
      for (const { under, subject } of http.effects()) {
        if (subject !== null && under.startsWith(`${key} `)) {
          const caller = callerOf(Number(subject.slice('call-'.length)));
          byCaller.set(caller, (byCaller.get(caller) ?? 0) + 1);
        }
      }
      return byCaller;
    };
    const each = (count: number): Map<string, number> =>
      new Map(Array.from({ length: CALLERS }, (_, index) => [callerOf(index), count]));
    expect(admitted('cooldown')).toEqual(each(1));
    expect(admitted('max')).toEqual(each(MAX));
  });
});
