import { LabelValues } from '../../src/admin/label-values';

test('names are kept as they are; beyond the most, new ones are other and old ones stay', () => {
  const rules = new LabelValues(2);
  expect(['a', 'b', 'a', 'c', 'b', 'd'].map((name) => rules.of(name))).toEqual(['a', 'b', 'a', 'other', 'b', 'other']);
});
