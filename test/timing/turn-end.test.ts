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

test('of many, the next ones go on only after other work had its turn', async () => {
  const turn = new TurnEnd();
  const seen: string[] = [];
  const all = Array.from({ length: 40 }, (_, index) => turn.reached().then(() => seen.push(`${index + 1}`)));
  setImmediate(() => seen.push('other work'));
  await Promise.all(all);
  const numbers = Array.from({ length: 40 }, (_, index) => `${index + 1}`);
  expect(seen).toEqual([...numbers.slice(0, 32), 'other work', ...numbers.slice(32)]);
});
