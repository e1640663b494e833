import { RareLines } from '../../src/ingest/rare-lines';

test('a name has a line a minute, which counts those in between', () => {
  const lines = new RareLines(60_000);
  expect(lines.count('a', 0)).toBe(1);
  expect(lines.count('a', 10)).toBeNull();
  expect(lines.count('b', 10)).toBe(1);
  expect(lines.count('a', 59_999)).toBeNull();
  expect(lines.count('a', 60_000)).toBe(3);
  expect(lines.count('a', 60_001)).toBeNull();
});

test('a clock that was set back does not silence a name', () => {
  const lines = new RareLines(60_000);
  lines.count('a', 1_000_000);
  expect(lines.count('a', 0)).toBe(1);
});

test('many names are forgotten, not collected', () => {
  const lines = new RareLines(60_000);
  lines.count('first', 0);
  for (let index = 0; index < 1_000; index += 1) {
    lines.count(`name ${index}`, 0);
  }
  expect(lines.count('first', 1)).toBe(1);
});
