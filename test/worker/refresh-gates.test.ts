import { ConnectionGate } from '../../activities/connection-gate';
import type { ParkedMemo } from '../../src/runs/parking-contract';
import { refreshGates } from '../../src/worker/refresh-gates';

const PROBLEM = { code: 'http_401', message: 'the token was revoked', remedy: 'Make a new one.' };
const PARKED: ParkedMemo = { problem: PROBLEM, since: '2026-03-02T01:00:00.000Z' };
const HOUR_MS = 3_600_000;

/** Answers of Temporal, given by the test one by one. */
class Answers {
  readonly #waiting: ((answer: ParkedMemo | null) => void)[] = [];
  #onAsked = (): void => undefined;

  find = (): Promise<ParkedMemo | null> =>
    new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#onAsked();
    });

  async asked(): Promise<(answer: ParkedMemo | null) => void> {
    if (this.#waiting.length === 0) {
      await new Promise<void>((resolve) => (this.#onAsked = resolve));
    }
    return this.#waiting.shift() ?? (() => undefined);
  }
}

let gate: ConnectionGate;
let answers: Answers;
let logged: string[];

beforeEach(() => {
  gate = new ConnectionGate();
  answers = new Answers();
  logged = [];
});

function start(
  parking: Partial<Parameters<typeof refreshGates>[1]> = {},
  everyMs: number = HOUR_MS,
  onRead?: () => void,
): () => Promise<void> {
  return refreshGates(
    new Map([['crm', { gate }]]),
    { resume: async () => false, find: answers.find, ...parking },
    { debug: (_fields: unknown, message?: string) => void logged.push(message ?? '') },
    everyMs,
    onRead,
  );
}

it('resumes parked connections first: the worker may have new credentials', async () => {
  const resumed: string[] = [];
  const stop = start({
    resume: async (name) => {
      resumed.push(name);
      return true;
    },
  });
  const answer = await answers.asked();
  expect(resumed).toEqual(['crm']);
  answer(null);
  await stop();
});

it('parks and opens the gate as Temporal says', async () => {
  const stop = start({}, 1);
  (await answers.asked())(PARKED);
  let answer = await answers.asked();
  expect(gate.problem).toEqual(PROBLEM);
  answer(null);
  answer = await answers.asked();
  expect(gate.problem).toBeNull();
  answer(null);
  await stop();
});

it('ignores an answer that is older than the gate', async () => {
  const stop = start();
  const answer = await answers.asked();
  gate.park(PROBLEM);
  answer(null);
  await stop();
  expect(gate.problem).toEqual(PROBLEM);
});

it('changes nothing when Temporal does not answer, and asks again', async () => {
  gate.park(PROBLEM);
  let isUnavailable = true;
  const stop = start(
    {
      find: () => {
        if (isUnavailable) {
          isUnavailable = false;
          return Promise.reject(new Error('Temporal is unavailable'));
        }
        return answers.find();
      },
    },
    1,
  );
  const answer = await answers.asked();
  expect(gate.problem).toEqual(PROBLEM);
  expect(logged).toHaveLength(1);
  answer(null);
  await stop();
  expect(gate.problem).toBeNull();
});

it('says that it knows what is parked once Temporal has answered, not before', async () => {
  let asked = 0;
  let reads = 0;
  const stop = start(
    {
      find: () => {
        asked += 1;
        return asked === 1 ? Promise.reject(new Error('Temporal is unavailable')) : answers.find();
      },
    },
    1,
    () => (reads += 1),
  );
  const answer = await answers.asked();
  expect(reads).toBe(0);
  answer(null);
  await stop();
  expect(reads).toBe(1);
});

it('ends its sleep when it is stopped', async () => {
  const stop = start();
  (await answers.asked())(null);
  await stop();
  expect(gate.problem).toBeNull();
});
