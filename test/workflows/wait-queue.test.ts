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
