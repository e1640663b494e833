import { setImmediate } from 'node:timers/promises';
import type { ClaimAnswer, ClaimChange } from '../../src/runs/run-contract';
import { ClaimQueue } from '../../src/runs/claim-queue';

/** An update under way, which the test ends. */
interface Update {
  ids: string[];
  resolve: (answers: ClaimAnswer[]) => void;
  reject: (error: Error) => void;
}

let updates: Update[];
let queue: ClaimQueue;

beforeEach(() => {
  updates = [];
  queue = new ClaimQueue(
    (changes) =>
      new Promise((resolve, reject) => {
        updates.push({ ids: changes.map(({ id }) => id), resolve, reject });
      }),
  );
});

const change = (id: string): ClaimChange => ({ do: 'release', id, owner: 'owner' });

it('sends a change at once, and those that arrive meanwhile together in the next update', async () => {
  const first = queue.add(change('1'));
  const second = queue.add(change('2'));
  const third = queue.add(change('3'));
  expect(updates.map(({ ids }) => ids)).toEqual([['1']]);
  updates[0]?.resolve(['claimed']);
  expect(await first).toBe('claimed');
  await setImmediate();
  expect(updates.map(({ ids }) => ids)).toEqual([['1'], ['2', '3']]);
  updates[1]?.resolve(['held', 'full']);
  expect(await Promise.all([second, third])).toEqual(['held', 'full']);
  await setImmediate();
  void queue.add(change('4'));
  expect(updates).toHaveLength(3);
});

it('fails the changes of an update that failed, and goes on with the next', async () => {
  const first = queue.add(change('1'));
  const second = queue.add(change('2'));
  updates[0]?.reject(new Error('away'));
  await expect(first).rejects.toThrow('away');
  await setImmediate();
  updates[1]?.resolve(['released']);
  expect(await second).toBe('released');
});

it('fails a change without an answer', async () => {
  const added = queue.add(change('1'));
  updates[0]?.resolve([]);
  await expect(added).rejects.toThrow('too few answers');
});
