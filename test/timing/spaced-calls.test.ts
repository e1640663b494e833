import { SpacedCalls } from '../../src/timing/spaced-calls';

const PAUSE_MS = 10;
let ends: (() => void)[];
let calls: SpacedCalls;

/** Lets the calls begin that need no pause. */
function turn(): void {
  jest.advanceTimersByTime(0);
}

beforeEach(() => {
  jest.useFakeTimers();
  ends = [];
  calls = new SpacedCalls((done) => ends.push(done), PAUSE_MS);
});

afterEach(() => jest.useRealTimers());

test('the first call begins at once, but not inside of what asks for it', () => {
  calls.want();
  expect(ends).toHaveLength(0);
  turn();
  expect(ends).toHaveLength(1);
});

test('what is wanted before the pause is over is one call, at its end', () => {
  calls.want();
  turn();
  calls.want();
  ends[0]?.();
  calls.want();
  jest.advanceTimersByTime(PAUSE_MS - 1);
  calls.want();
  expect(ends).toHaveLength(1);
  jest.advanceTimersByTime(1);
  expect(ends).toHaveLength(2);
  ends[1]?.();
  jest.advanceTimersByTime(10 * PAUSE_MS);
  expect(ends).toHaveLength(2);
});

test('while a call has not ended there is no other', () => {
  calls.want();
  turn();
  calls.want();
  jest.advanceTimersByTime(100 * PAUSE_MS);
  expect(ends).toHaveLength(1);
});

test('after a pause in which nothing was wanted, a call begins at once', () => {
  calls.want();
  turn();
  ends[0]?.();
  jest.advanceTimersByTime(PAUSE_MS);
  calls.want();
  turn();
  expect(ends).toHaveLength(2);
});
