import type { WaitingStep } from '../../src/runs/parking-contract';
import { WaitQueue } from '../../workflows/wait-queue';

function step(run: string, second: number): WaitingStep {
  return { run, step: 'rule/step', began_at: new Date(Date.UTC(2026, 2, 2) + second * 1_000).toISOString() };
}

describe('the queue of waiting steps', () => {
  const runs = (queue: WaitQueue): string[] => queue.steps.map(({ run }) => run);

  it('is ordered by the start of the steps, then by arrival', () => {
    const queue = new WaitQueue([]);
    for (const waiting of [step('c', 3), step('a', 1), step('d', 3), step('b', 2)]) {
      queue.add(waiting);
    }
    expect(runs(queue)).toEqual(['a', 'b', 'c', 'd']);
    expect(queue.takeOldest()).toEqual(step('a', 1));
    queue.add(step('a', 1));
    expect(runs(queue)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('gives each step its turn, and begins again with the oldest', () => {
    const queue = new WaitQueue([step('a', 1), step('c', 2), step('b', 2)]);
    const turns: string[] = [];
    let last: WaitingStep | null = null;
    for (let turn = 0; turn < 6; turn += 1) {
      last = queue.takeNext(last) ?? null;
      turns.push(last?.run ?? 'none');
      if (last !== null) {
        queue.add(last);
      }
    }
    expect(turns[0]).toBe('a');
    expect(new Set(turns.slice(0, 3))).toEqual(new Set(['a', 'b', 'c']));
    expect(new Set(turns.slice(3))).toEqual(new Set(['a', 'b', 'c']));
    expect(new WaitQueue([]).takeNext(null)).toBeUndefined();
  });

  it('contains a step once, and two steps of one run', () => {
    const queue = new WaitQueue([step('a', 1)]);
    queue.add(step('a', 1));
    queue.add({ ...step('a', 1), step: 'rule/other' });
    expect(queue.size).toBe(2);
  });

  it('keeps the oldest three thousand steps', () => {
    const queue = new WaitQueue([]);
    for (let second = 3_001; second > 0; second -= 1) {
      queue.add(step(`r${second}`, second));
    }
    queue.add(step('newest', 9_999));
    expect([queue.size, runs(queue)[0], runs(queue).at(-1)]).toEqual([3_000, 'r1', 'r3000']);
  });
});
