import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { ConnectionGate } from '../../activities/connection-gate';
import { attemptsByAction } from '../../activities/attempt';
import { createStepActivities } from '../../activities/step-activities';
import { voipbin } from '../../src/connectors/voipbin/connector';
import { startVoipbinStandIn, type VoipbinStandIn } from '../../src/connectors/voipbin/stand-in/server';
import type { StepInput, StepResult } from '../../src/runs/run-contract';
import { inboundText } from '../connectors/voipbin/run-action';
import { stepTools } from './step-tools';

const TEXT =
  "{{ 'now' | date: '%H:%M:%S' }}: {{ data.greetings | sample }} and {{ data.greetings | sample: 3 | join: ' ' }}";
const BEGAN_AT = '2026-03-02T01:00:00.000Z';

/** Only the clock stands still. */
const OTHER_TIMERS = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

let standIn: VoipbinStandIn;
let activity: (input: StepInput) => Promise<StepResult>;

beforeEach(async () => {
  jest.useFakeTimers({
    now: Date.parse(BEGAN_AT),
    doNotFake: [...OTHER_TIMERS],
  });
  standIn = await startVoipbinStandIn();
  const client = await voipbin.connection.open(voipbin.connection.settings.parse(standIn.settings));
  const connections = new Map([['voipbin', { connector: voipbin, client, gate: new ConnectionGate() }]]);
  const attempts = attemptsByAction(stepTools({ connections }));
  activity = createStepActivities(attempts, () => undefined)['voipbin.send_message'] ?? noActivity;
});
afterEach(async () => {
  jest.useRealTimers();
  await standIn.stop();
});

const noActivity = (): Promise<never> => Promise.reject(new Error('no activity'));

function attempt(number: number): Promise<StepResult> {
  const input: StepInput = {
    event: inboundText({ data: { greetings: ['hello', 'hi', 'good day', 'dear caller', 'welcome'] } }),
    rule: 'reply',
    timezone: 'UTC',
    country: null,
    step: {
      id: 'step',
      action: 'voipbin.send_message',
      effect: 'verifiable',
      input: { text: TEXT },
      on_error: 'stop',
      retry: { for_ms: 900_000, every_ms: 50, max_every_ms: 200 },
      attempt_timeout_ms: 25_000,
    },
    steps: {},
    began_at: BEGAN_AT,
    earlier_attempts: 0,
  };
  return new MockActivityEnvironment({ attempt: number }, { logger: new DefaultLogger('ERROR') }).run(activity, input);
}

test('a text with the time and a random choice is found again by a later attempt, not sent twice', async () => {
  const first = await attempt(1);
  for (const later of [2, 3, 4]) {
    jest.setSystemTime(Date.parse(BEGAN_AT) + later * 61_000);
    expect(await attempt(later)).toEqual(first);
  }
  expect(standIn.sent.map(({ text }) => text)).toEqual([expect.stringMatching(/^01:00:00: /)]);
});
