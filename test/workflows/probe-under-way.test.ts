import type { ParkingProgress } from '../../src/runs/parking-contract';
import { beginProbe, endProbe, probeDueAt } from '../../workflows/probe-under-way';

const A = { run: 'a', step: 'rule/step' };
const B = { run: 'b', step: 'rule/step' };

function progress(nextProbeMs: number): ParkingProgress {
  return {
    since: '2026-03-02T01:00:00.000Z',
    works: false,
    probe_at_once: false,
    probe_every_ms: 30_000,
    next_probe_ms: nextProbeMs,
    reported: 'parked',
  };
}

test('the next probe waits for the end of the one under way, and then for its interval', () => {
  const state = progress(30_000);
  expect(probeDueAt(state)).toBe(30_000);
  beginProbe(state, A, 10_000, 60_000);
  expect(probeDueAt(state)).toBe(70_000);
  expect(endProbe(state, A)).toBe(true);
  expect(probeDueAt(state)).toBe(30_000);
});

test('a probe whose end is not known holds up the next one no longer than its bound', () => {
  const state = progress(100_000);
  beginProbe(state, A, 10_000, 60_000);
  expect(probeDueAt(state)).toBe(100_000);
});

test('a probe that ends late ends nothing: another one is under way', () => {
  const state = progress(30_000);
  beginProbe(state, A, 0, 60_000);
  beginProbe(state, B, 60_000, 60_000);
  expect(endProbe(state, A)).toBe(false);
  expect(probeDueAt(state)).toBe(120_000);
  expect([endProbe(state, B), endProbe(state, B)]).toEqual([true, false]);
});

test('another step of the same run is not the probe', () => {
  const state = progress(0);
  beginProbe(state, A, 0, 60_000);
  expect(endProbe(state, { ...A, step: 'rule/other' })).toBe(false);
});
