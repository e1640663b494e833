import { warmUpConditions, warmUpTemplates } from '../../../src/rules/language/warm-up';

test('a process warms up within the budgets', () => {
  expect(warmUpConditions()).toEqual({ met: true });
  expect(warmUpTemplates()['text']).toMatch(/^NAME 0x1NAME 1x2.*,nbme 399$/);
});
