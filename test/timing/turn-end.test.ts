import { TurnEnd } from '../../src/timing/turn-end';

test('all who wait in one turn go on together, in the order in which they came', async () => {
  const turn = new TurnEnd();
  const seen: string[] = [];
  const first = turn.reached().then(() => seen.push('first'));
  queueMicrotask(() => void turn.reached().then(() => seen.push('second')));
  setImmediate(() => seen.push('next callback'));
  await first;
  await new Promise(setImmediate);
  expect(seen).toEqual(['first', 'second', 'next callback']);
});

test('who waits after the end waits for the next one', async () => {
  const turn = new TurnEnd();
  const ended = turn.reached();
  await ended;
  let isOver = false;
  const next = turn.reached().then(() => {
    isOver = true;
  });
  await Promise.resolve();
  expect(isOver).toBe(false);
  await next;
});
