import { numberFilter, readingsOf, wholeNumberFilter } from '../../src/status/number-filter';
import { entryOf } from '../inbox/entries';

/** An event of a number. */
function eventOf(number: string) {
  return entryOf('call_hangup', 'one', null, { peer: { type: 'tel', number, name: null } }).event;
}

function finds(written: string, number: string, countries: readonly string[]): boolean {
  const filter = numberFilter(written, countries);
  const head = JSON.stringify(eventOf(number));
  const isFound = filter?.matches(eventOf(number)) === true;
  // SQLite looks for this before the filter is asked.
  expect([isFound, isFound && !head.includes(filter?.headContains ?? '-')]).toEqual([isFound, false]);
  return isFound;
}

test.each([
  ['010-3333-4444', '+821033334444', ['DE', 'KR']],
  ['010-3333-4444', '+821033334444', []],
  ['(555) 123-4567', '+15551234567', ['US']],
  ['5551234567', '+15551234567', []],
  ['0160333', '+4916033312345', ['DE']],
  ['0160 3333', '+4916033333333', ['DE']],
  ['160333', '+4916033312345', ['DE']],
  ['0049160333', '+4916033312345', ['DE']],
  ['+49 160 333', '+4916033312345', ['DE']],
  ['06 1234', '+390612345678', ['IT']],
  ['030 901820', '+4930901820', ['DE']],
])('%s finds %s with %j', (written, number, countries) => {
  expect(finds(written, number, countries)).toBe(true);
});

test.each([
  ['0160333', '+4931160333', ['DE']],
  ['+49 30 901820', '+4930901821', ['DE']],
  ['+82 10-3333-4444', '+491033334444', ['DE', 'KR']],
])('%s does not find %s', (written, number, countries) => {
  expect(finds(written, number, countries)).toBe(false);
});

test('fewer than three digits are no number', () => {
  expect(numberFilter('+4', ['DE'])).toBeNull();
  expect(numberFilter('Anna', ['DE'])).toBeNull();
});

test('a number without its country code is read in each country, one with it once', () => {
  expect(readingsOf('010-3333-4444', ['DE', 'KR'])).toEqual(['+491033334444', '+821033334444']);
  expect(readingsOf('+82 10-3333-4444', ['DE', 'KR'])).toEqual(['+821033334444']);
  expect(readingsOf('4444', ['DE', 'KR'])).toEqual([]);
  const filter = wholeNumberFilter(readingsOf('010-3333-4444', ['DE', 'KR']), ['DE', 'KR']);
  expect(filter.matches(eventOf('+821033334444'))).toBe(true);
  expect(filter.matches(eventOf('+8210333344445'))).toBe(false);
});
