import { personName } from '../../src/events/person-name';

test.each([
  'Ada Lovelace',
  ' Ada ',
  '김민수',
  'Frau Dr. Petra Meyer',
  'Praxis 2000',
  '3M',
  '24/7',
  'Ada (+49 160 1112299)',
  'Jennifer Null',
  '❤',
])('%p is a name', (text) => {
  expect(personName(text)).toBe(text.trim());
});

test.each([
  '+491601112299',
  '0160 1112299',
  '0160/111-22 99',
  '(030) 555.0100',
  '１６０１１１２２９９',
  'tel:+491601112299',
  'sip:+491601112299@pbx.example',
  '+49 160 1112299 ext. 12',
  'anonymous',
  'Anonymous',
  'Withheld',
  '',
  '  ',
  null,
  undefined,
])('%p is none', (text) => {
  expect(personName(text)).toBeNull();
});

test('a long text is kept without a search', () => {
  expect(personName('1'.repeat(1_000_000))).toHaveLength(1_000_000);
});
