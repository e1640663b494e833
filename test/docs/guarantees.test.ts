import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');

/** The rows of the tables whose last column is `test`. That the files exist is checked in paths.test.ts. */
function rowsWithTests(): string[] {
  const rows: string[] = [];
  let isInTable = false;
  for (const line of readFileSync(join(ROOT, 'docs', 'guarantees.md'), 'utf8').split('\n')) {
    isInTable = line.startsWith('|') && (isInTable || line.endsWith('| test |'));
    if (isInTable && !line.startsWith('|---') && !line.endsWith('| test |')) {
      rows.push(line);
    }
  }
  return rows;
}

test('each guarantee names the tests that hold it', () => {
  const rows = rowsWithTests();
  expect(rows.length).toBeGreaterThan(20);
  expect(rows.filter((row) => !/\| `test\/[\w/-]+\.test\.ts`(?:, `test\/[\w/-]+\.test\.ts`)* \|$/.test(row))).toEqual([]);
});
