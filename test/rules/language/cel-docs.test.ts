import { celEnvironment } from '../../../src/rules/language/cel';
import { CEL_DOCS } from '../../../src/rules/language/cel-docs';
import { ITERATE } from '../../../src/rules/language/cel-functions';
import { analyseCel } from '../../../src/rules/language/cel-references';
import { evaluateCondition } from '../../../src/rules/language/condition';
import { describeRuleLanguage } from '../../../src/rules/tools/reference-docs';
import { eventOf } from '../load-text';

test('every function of CEL is in the reference, once, and nothing else', () => {
  const described = CEL_DOCS.flatMap(({ words, functions = words }) => functions);
  const known = new Set([...celEnvironment.funcs].map(({ name }) => name).filter((name) => name !== ITERATE));
  expect([...described].sort()).toEqual([...known].sort());
});

test('every word of the reference is in the text', () => {
  const text = describeRuleLanguage();
  for (const word of CEL_DOCS.flatMap(({ words }) => words)) {
    expect(text).toContain(`\`${word.replaceAll('|', '\\|')}\``);
  }
});

const EVENT = eventOf('call_hangup', {
  id: 'c1',
  direction: 'incoming',
  hangup_reason: 'cancel',
  tags: ['gold', 'new'],
  note: 'wants a refund today',
  amount: '150',
  metadata: { campaign: 'spring' },
  tm_create: '2026-03-02T00:59:30Z',
  tm_hangup: '2026-03-02T01:00:00Z',
});

test.each(CEL_DOCS.map(({ example }) => [example]))('%s is right, and can be met', (example) => {
  expect(analyseCel(example).problems).toEqual([]);
  expect(
    evaluateCondition(example, { event: { ...EVENT, answered: false, picked_up: false }, steps: {}, country: null }),
  ).toBe(true);
});
