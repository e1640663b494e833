import { ownRuleText, soFarText } from '../../src/cli/show-event';

test('the rules of the bridge itself are explained, those of the files are not', () => {
  expect(ownRuleText('(opt-out)')).toBe(' (the bridge records that the sender asks for no more texts)');
  expect(ownRuleText('(opt-in)')).toBe(' (the bridge records that the sender asks for texts again)');
  expect(ownRuleText('opt-out')).toBe('');
});

test('a rule of an open run whose steps have ended is not under way', () => {
  const rule = { rule: 'a', steps: [], under_way: [] };
  expect(soFarText({ ...rule, has_ended: true })).toBe('its steps have ended; the run goes on with other rules');
  expect(soFarText({ ...rule, has_ended: false })).toBe('under way');
});
