import { finish, inSlices, type Work } from '../../src/timing/work';

function* count(steps: number): Work<string> {
  for (let step = 0; step < steps; step += 1) {
    yield 1;
  }
  return 'done';
}

test('work gives its result at once', () => {
  expect(finish(count(1_000))).toBe('done');
});

test('between two slices, other events are handled', async () => {
  let turns = 0;
  let runs = true;
  const turn = (): void => {
    turns += 1;
    if (runs) {
      setImmediate(turn);
    }
  };
  setImmediate(turn);
  expect(await inSlices(count(10_000))).toBe('done');
  runs = false;
  expect(turns).toBeGreaterThanOrEqual(49);
});

test('work ends between two slices when it is aborted', async () => {
  const stopped = new AbortController();
  setImmediate(() => stopped.abort(new Error('stopped')));
  await expect(inSlices(count(10_000), stopped.signal)).rejects.toThrow('stopped');
});
