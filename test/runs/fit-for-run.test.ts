import type { CanonicalEvent } from '../../src/events/canonical-event';
import { fitForRun } from '../../src/runs/fit-for-run';
import { eventOf } from '../events/event-of';

function event(data: CanonicalEvent['data'], text: string | null = null): CanonicalEvent {
  return eventOf({ id: '1', text, data });
}

describe('fitForRun', () => {
  it('leaves an event of ordinary size as it is', () => {
    const ordinary = event({ id: '1', actions: ['a'.repeat(100_000)] });
    expect(fitForRun(ordinary)).toBe(ordinary);
  });

  it('leaves out the longest parts of a huge one, and keeps the short ones', () => {
    const huge = event(
      { id: '1', executed_actions: ['x'.repeat(9_000_000)], metadata: { campaign: 'spring' } },
      'y'.repeat(600_000),
    );
    const fit = fitForRun(huge);
    expect(fit.data).toEqual({ id: '1', metadata: { campaign: 'spring' } });
    expect(fit.text).toHaveLength(16 * 1_024);
    expect(Buffer.byteLength(JSON.stringify(fit))).toBeLessThan(512 * 1_024);
  });

  it('bounds names and numbers of either side, too', () => {
    const named = {
      ...event({ id: '1', source: { type: 'tel', target: '+15551234567', target_name: 'n'.repeat(3_000_000) } }),
      peer: { type: 'tel', number: '+15551234567', name: 'n'.repeat(3_000_000) },
    };
    const fit = fitForRun(named);
    expect(fit.peer).toMatchObject({ number: '+15551234567' });
    expect(Buffer.byteLength(JSON.stringify(fit))).toBeLessThan(512 * 1_024);
  });

  it('bounds a great many short parts, too', () => {
    const wide = event(
      Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`part_${index}`, 'z'.repeat(10_000)])),
    );
    expect(Buffer.byteLength(JSON.stringify(fitForRun(wide)))).toBeLessThan(512 * 1_024);
  });
});
