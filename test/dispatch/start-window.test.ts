import { StartWindow, type Start } from '../../src/dispatch/start-window';

function begin(window: StartWindow, ...seqs: number[]): Start[] {
  return seqs.map((seq) => {
    const start = window.begin([{ seq, event_id: `call_hangup/c${seq}` }]);
    if (start === null) {
      throw new Error(`${seq} is started already`);
    }
    window.pass(seq);
    return start;
  });
}

function end(window: StartWindow, start: Start | undefined, isDone = true): void {
  if (start === undefined) {
    throw new Error('no such start');
  }
  window.end(start, isDone);
}

test('the watermark follows the oldest start that is not done', () => {
  const window = new StartWindow();
  const [first, second, third] = begin(window, 2, 5, 7);
  expect(window.watermark()).toBeNull();
  end(window, second);
  expect(window.watermark()).toBeNull();
  end(window, first);
  expect(window.watermark()).toBe(5);
  window.passWatermark(5);
  expect(window.watermark()).toBeNull();
  end(window, third);
  expect(window.watermark()).toBe(7);
});

test('is full with eight starts in progress', () => {
  const window = new StartWindow();
  const starts = begin(window, 1, 2, 3, 4, 5, 6, 7, 8);
  expect([window.isFull, window.isIdle]).toEqual([true, false]);
  end(window, starts[4]);
  expect([window.isFull, window.isInProgress('call_hangup/c5'), window.isInProgress('call_hangup/c1')]).toEqual([
    false,
    false,
    true,
  ]);
});

test('a rewind goes back to the oldest failed start, and remembers what is started after it', () => {
  const window = new StartWindow();
  const [first, second, third, fourth] = begin(window, 1, 2, 3, 4);
  end(window, first);
  end(window, second, false);
  end(window, third);
  end(window, fourth, false);
  window.rewind();
  expect([window.cursor, window.isIdle, window.watermark()]).toEqual([1, true, 1]);
  const [again] = begin(window, 2);
  expect(window.begin([{ seq: 3, event_id: 'call_hangup/c3' }])).toBeNull();
  const [last] = begin(window, 4);
  end(window, again);
  end(window, last);
  expect(window.watermark()).toBe(4);
});

test('a rewind without a failed start changes nothing', () => {
  const window = new StartWindow();
  const [first] = begin(window, 1);
  end(window, first);
  window.rewind();
  expect([window.cursor, window.watermark()]).toEqual([1, 1]);
});

test('after a restart it does not start what is started already', () => {
  const window = new StartWindow();
  window.reset(10, new Set([12]));
  expect(window.cursor).toBe(10);
  begin(window, 11);
  expect(window.begin([{ seq: 12, event_id: 'call_hangup/c12' }])).toBeNull();
});

test('an event that is skipped is skipped once', () => {
  const window = new StartWindow();
  expect([window.skip(3), window.skip(3), window.cursor]).toEqual([true, false, 3]);
});

test('the watermark does not pass an event that a batch overtook', () => {
  const window = new StartWindow();
  const places = [1, 2, 4, 5].map((seq) => ({ seq, event_id: `call_hangup/c${seq}` }));
  const batch = window.begin(places) ?? undefined;
  window.pass(1);
  window.pass(2);
  end(window, batch);
  expect([window.isBegun(4), window.isBegun(3), window.watermark(), window.cursor]).toEqual([true, false, 2, 2]);
  const [between] = begin(window, 3);
  window.pass(5);
  expect(window.watermark()).toBe(2);
  end(window, between);
  expect(window.watermark()).toBe(5);
});

test('a batch is begun without the events that are begun already, and is one start in progress', () => {
  const window = new StartWindow();
  begin(window, 1, 2);
  const batch = window.begin([1, 2, 3, 4].map((seq) => ({ seq, event_id: `call_hangup/c${seq}` })));
  expect(batch?.events.map(({ seq }) => seq)).toEqual([3, 4]);
  expect(window.begin([3, 4].map((seq) => ({ seq, event_id: `call_hangup/c${seq}` })))).toBeNull();
  expect([window.isInProgress('call_hangup/c4'), window.isFull]).toEqual([true, false]);
});

test('a failed batch is read again as a whole, and what overtook nothing stays started', () => {
  const window = new StartWindow();
  const batch = window.begin([1, 3, 4].map((seq) => ({ seq, event_id: `call_hangup/c${seq}` }))) ?? undefined;
  window.pass(1);
  const [between] = begin(window, 2);
  end(window, between);
  end(window, batch, false);
  window.rewind();
  expect([window.cursor, window.isBegun(1), window.isBegun(2), window.isBegun(3)]).toEqual([0, false, true, false]);
});
