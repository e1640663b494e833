import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FINDING_CODES } from '../../src/errors/finding-codes';

const SRC = join(__dirname, '../../src');

/** The program without the table itself. */
const program = ['rules', 'settings', 'yaml']
  .flatMap((room) =>
    readdirSync(join(SRC, room), { recursive: true, encoding: 'utf8' }).map((name) => join(room, name)),
  )
  .filter((name) => name.endsWith('.ts') && !name.endsWith('finding-codes.ts'))
  .map((name) => readFileSync(join(SRC, name), 'utf8'))
  .join('\n');

test.each(Object.entries(FINDING_CODES))('%s is described and used', (code, { meaning, remedy }) => {
  expect(meaning).toMatch(/^[A-Z].*\.$/);
  expect(remedy).toMatch(/^[A-Z].*\.$/);
  // `duplicate-list` and `duplicate-window` are put together.
  expect(program.includes(`'${code}'`) || program.includes(`\`${code.replace(/-(list|window)$/, '-${what}')}\``)).toBe(
    true,
  );
});
