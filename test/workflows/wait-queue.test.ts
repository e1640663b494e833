import type { WaitingStep } from '../../src/runs/parking-contract';
import { WaitingLine } from '../../workflows/wait-queue';

function step(run: string, second: number): WaitingStep {
  return { run, step: 'rule/step', began_at: new Date(Date.UTC(2026, 2, 2) + second * 1_000).toISOString() };
}

describe('the line of steps that wait', () => {
  const runs = (line: WaitingLine): string[] => line.steps.map(({ run }) => run);

  it('is ordered by when the steps began, and then by when they came', () => {
    const line = new WaitingLine([]);
    for (const waiting of [step('c', 3), step('a', 1), step('d', 3), step('b', 2)]) {
      line.add(waiting);
    }
    expect(runs(line)).toEqual(['a', 'b', 'c', 'd']);
    expect(line.takeOldest()).toEqual(step('a', 1));
    line.add(step('a', 1));
    expect(runs(line)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('has a step once, and two of one run apart', () => {
    const line = new WaitingLine([step('a', 1)]);
    line.add(step('a', 1));
    line.add({ ...step('a', 1), step: 'rule/other' });
    expect(line.size).toBe(2);
  });

  it('keeps the oldest three thousand', () => {
    const line = new WaitingLine([]);
    for (let second = 3_001; second > 0; second -= 1) {
      line.add(step(`r${second}`, second));
    }
    line.add(step('newest', 9_999));
    expect([line.size, runs(line)[0], runs(line).at(-1)]).toEqual([3_000, 'r1', 'r3000']);
  });
});
