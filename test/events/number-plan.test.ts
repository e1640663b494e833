import { numberOutsidePlan } from '../../src/events/number-plan';

test.each([
  ['010-5000-6000', 'DE', '+491050006000'],
  ['020 7946 0018', 'DE', '+492079460018'],
  ['0151 23456789', 'KR', '+8215123456789'],
])('%s is a number that %s does not have', (text, country, read) => {
  expect(numberOutsidePlan(text, country)).toBe(read);
});

test.each([
  ['010-5000-6000', 'KR'],
  ['02-555-0100', 'KR'],
  ['0171 50006001', 'DE'],
  ['030 5550100', 'DE'],
  ['(212) 555-0100', 'US'],
  ['020 7946 0018', 'GB'],
])('%s is a number that %s has', (text, country) => {
  expect(numberOutsidePlan(text, country)).toBeNull();
});

test.each([
  ['+15551234567', 'US'],
  ['+491050006000', 'DE'],
  ['00491050006000', 'DE'],
  ['491050006000', 'DE'],
  ['0082 10 5000 6000', 'DE'],
  ['abc', 'DE'],
  ['1001', 'DE'],
  ['', 'DE'],
  ['010-5000-6000', null],
])('%s is not judged in %s: it has its country code, or is no number', (text, country) => {
  expect(numberOutsidePlan(text, country)).toBeNull();
});
