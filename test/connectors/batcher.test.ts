import { ActionError, type ActionErrorCode } from '../../src/connectors/action-error';
import { Batcher, type BatchKind } from '../../src/connectors/batcher';

const refused = (errorClass: 'credential' | 'permanent', code: ActionErrorCode): ActionError =>
  new ActionError(errorClass, 'refused', { connection: 'hubspot', code });

/** Sends numbers. A batch fails as a whole with what its first bad number gets. */
function kindRefusing(bad: ReadonlyMap<number, ActionError>): { kind: BatchKind<number, number>; sent: number[][] } {
  const sent: number[][] = [];
  const answer = (inputs: readonly number[]): void => {
    sent.push([...inputs]);
    const error = inputs.map((input) => bad.get(input)).find((found) => found !== undefined);
    if (error !== undefined) {
      throw error;
    }
  };
  const kind: BatchKind<number, number> = {
    assertRoom: () => undefined,
    admit: () => Promise.resolve(),
    sendOne: async (input) => {
      answer([input]);
      return input;
    },
    sendMany: async (inputs) => {
      answer(inputs);
      return new Map(inputs.map((input) => [input, { result: input }]));
    },
    joins: () => true,
    sharesRefusal: () => false,
  };
  return { kind, sent };
}

/** Asks for all numbers in one turn, so that they go together. */
function askAll(kind: BatchKind<number, number>, inputs: readonly number[], signals: Record<number, AbortSignal> = {}) {
  const batcher = new Batcher(
    kind,
    new AbortController().signal,
    () => new ActionError('transient', 'cancelled', { connection: 'hubspot', code: 'cancelled' }),
  );
  return Promise.all(
    inputs.map((input) =>
      batcher
        .request(input, signals[input] ?? new AbortController().signal)
        .catch((error: unknown) => (error as ActionError).detail.code),
    ),
  );
}

test('one record that may not be touched does not fail the others of its batch', async () => {
  const { kind } = kindRefusing(new Map([[3, refused('credential', 'http_403')]]));
  expect(await askAll(kind, [1, 2, 3, 4, 5])).toEqual([1, 2, 'http_403', 4, 5]);
});

test('a refused token costs one more request, not one for each', async () => {
  const all = new Map([1, 2, 3, 4, 5, 6].map((input) => [input, refused('credential', 'http_401')]));
  const { kind, sent } = kindRefusing(all);
  expect(await askAll(kind, [1, 2, 3, 4, 5, 6])).toEqual(Array(6).fill('http_401'));
  expect(sent).toEqual([[1, 2, 3, 4, 5, 6], [1]]);
});

test('a request that was given up while its batch is taken apart is not sent', async () => {
  const gone = new AbortController();
  const { kind, sent } = kindRefusing(new Map([[1, refused('permanent', 'http_400')]]));
  const givenUp: BatchKind<number, number> = {
    ...kind,
    sendMany: async (inputs, signal) => {
      gone.abort();
      return kind.sendMany(inputs, signal);
    },
  };
  expect(await askAll(givenUp, [1, 2, 3], { 3: gone.signal })).toEqual(['http_400', 2, 'cancelled']);
  expect(sent.slice(1).flat()).not.toContain(3);
});
