import { randomUUID } from 'node:crypto';
import { KnownIds } from '../../src/inbox/seen-ids';

test('has every id that was added, also after it grew and was handed on, and hardly any other', () => {
  const known = new KnownIds();
  const ids = Array.from({ length: 50_000 }, () => `call_hangup/${randomUUID()}`);
  ids.forEach((id) => known.add(id));
  ids.slice(0, 100).forEach((id) => known.add(id));
  const other = new KnownIds(known.hashes());
  for (const each of [known, other]) {
    expect(ids.filter((id) => !each.mayHave(id))).toEqual([]);
  }
  const strangers = Array.from({ length: 50_000 }, () => `call_hangup/${randomUUID()}`);
  expect(strangers.filter((id) => known.mayHave(id)).length).toBeLessThan(50);
});

test.each(['', 'a', '\u{1F600}', 'x'.repeat(500)])('takes %j', (id) => {
  const known = new KnownIds();
  expect(known.mayHave(id)).toBe(false);
  known.add(id);
  expect(known.mayHave(id)).toBe(true);
});
