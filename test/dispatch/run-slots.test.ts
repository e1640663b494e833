import { RunSlots } from '../../src/dispatch/run-slots';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('a run keeps its slot until it is released, or taken to be waiting', () => {
  let released = 0;
  const slots = new RunSlots(2, 3_000, () => (released += 1));
  slots.acquire('a');
  jest.advanceTimersByTime(1_000);
  slots.acquire('b');
  expect([slots.areFull, slots.inUse]).toEqual([true, 2]);
  jest.advanceTimersByTime(2_000);
  expect([slots.areFull, slots.inUse, released]).toEqual([false, 1, 1]);
  slots.release('b');
  slots.release('b');
  slots.release('unknown');
  expect([slots.inUse, released]).toEqual([0, 2]);
  jest.advanceTimersByTime(10_000);
  expect(released).toBe(2);
});

test('all slots are released at the end', () => {
  let released = 0;
  const slots = new RunSlots(5, 3_000, () => (released += 1));
  ['a', 'b', 'c'].forEach((id) => slots.acquire(id));
  slots.releaseAll();
  expect([slots.inUse, released, jest.getTimerCount()]).toEqual([0, 3, 0]);
});
