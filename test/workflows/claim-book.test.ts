import type { ClaimChange } from '../../src/runs/run-contract';
import { ClaimBook } from '../../workflows/claim-book';

const MINUTE_MS = 60_000;

let book: ClaimBook;
let now: number;

beforeEach(() => {
  book = new ClaimBook([], { owners: 4, ownersOfKey: 3 });
  now = Date.parse('2026-03-02T09:00:00Z');
});

const claim = (id: string, owner: string, { max = 1, keep_ms = MINUTE_MS } = {}): string =>
  book.change({ do: 'claim', id, owner, max, keep_ms }, now);
const release = (id: string, owner: string): string => {
  const change: ClaimChange = { do: 'release', id, owner };
  return book.change(change, now);
};

it('admits one owner of a cooldown, and the same owner again', () => {
  expect(claim('key', 'a')).toBe('claimed');
  expect(claim('key', 'b')).toBe('held');
  expect(claim('key', 'a')).toBe('claimed');
  expect(claim('other', 'b')).toBe('claimed');
});

it('admits as many owners as the claim says', () => {
  const owners = ['a', 'b', 'a', 'c', 'd'];
  expect(owners.map((owner) => claim('key', owner, { max: 2 }))).toEqual([
    'claimed',
    'claimed',
    'claimed',
    'held',
    'held',
  ]);
});

it('counts from the first claim until its time is over', () => {
  claim('key', 'a');
  now += MINUTE_MS - 1;
  claim('key', 'a', { keep_ms: 10 * MINUTE_MS });
  expect(claim('key', 'b')).toBe('held');
  now += 1;
  expect(claim('key', 'b')).toBe('claimed');
});

it("releases the owner's claim only", () => {
  claim('key', 'a');
  expect(release('key', 'b')).toBe('released');
  expect(claim('key', 'b')).toBe('held');
  expect(release('key', 'a')).toBe('released');
  expect(claim('key', 'b')).toBe('claimed');
  expect(release('unknown', 'a')).toBe('released');
});

it('is full when too many are in force, and says so only of new claims', () => {
  ['1', '2', '3', '4'].forEach((id) => claim(id, 'a'));
  expect(claim('5', 'a')).toBe('full');
  expect(claim('1', 'a')).toBe('claimed');
  expect(claim('1', 'b')).toBe('held');
  release('1', 'a');
  expect(claim('5', 'a')).toBe('claimed');
});

it('forgets what is over to make room', () => {
  ['1', '2', '3'].forEach((id) => claim(id, 'a'));
  claim('long', 'a', { keep_ms: 2 * MINUTE_MS });
  now += MINUTE_MS;
  expect(claim('5', 'a')).toBe('claimed');
  expect(book.size).toBe(2);
});

it('counts many owners of one key without their names, and admits none too many', () => {
  const owners = Array.from({ length: 7 }, (_, index) => String(index));
  const answers = owners.map((owner) => claim('key', owner, { max: 5 }));
  expect(answers).toEqual([...Array.from({ length: 5 }, () => 'claimed'), 'held', 'held']);
  expect(book.size).toBe(3);
  expect(claim('key', '4', { max: 5 })).toBe('claimed');
  expect(book.inForce(now)).toEqual([['key', now + MINUTE_MS, ['2', '3', '4'], 2]]);
  // Its latest owners take their claims back: the others still count.
  ['2', '3', '4'].forEach((owner) => release('key', owner));
  expect(['5', '6', '7', '8'].map((owner) => claim('key', owner, { max: 5 }))).toEqual([
    'claimed',
    'claimed',
    'claimed',
    'held',
  ]);
});

it('goes on from what another book had in force', () => {
  claim('over', 'a', { keep_ms: 1 });
  claim('key', 'a', { max: 2 });
  now += 1;
  const entries = book.inForce(now);
  expect(entries).toEqual([['key', now - 1 + MINUTE_MS, ['a']]]);
  book = new ClaimBook(entries, { owners: 4, ownersOfKey: 3 });
  expect(claim('key', 'b', { max: 2 })).toBe('claimed');
  expect(claim('key', 'c', { max: 2 })).toBe('held');
  expect(entries).toEqual([['key', now - 1 + MINUTE_MS, ['a']]]);
});
