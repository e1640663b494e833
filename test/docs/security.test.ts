import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');

test('each threat names test files that exist, or says that nothing holds it', () => {
  const rows = readFileSync(join(ROOT, 'docs', 'security.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| threat |'));
  expect(rows.length).toBeGreaterThan(30);
  const unheld = rows.filter((row) => {
    const cell = row.split(' | ').at(-1) ?? '';
    const files = [...cell.matchAll(/`(test\/[\w./-]+\.test\.ts)`/g)].map(([, file = '']) => file);
    return files.length === 0
      ? !/^(?:not held|no test) \|$/.test(cell)
      : !files.every((file) => existsSync(join(ROOT, file)));
  });
  expect(unheld).toEqual([]);
});
