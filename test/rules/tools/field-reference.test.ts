import { readFileSync } from 'node:fs';
import { resourceOf } from '../../../src/events/catalogue';
import { FIELDS } from '../../../src/rules/language/field-list';
import { describeFields, fieldsOf } from '../../../src/rules/tools/field-reference';
import { readSamples } from '../../../src/samples/samples';

const SAMPLES = readSamples();

test('docs/fields.md is what bridge docs fields prints', () => {
  expect(readFileSync('docs/fields.md', 'utf8').trimEnd()).toBe(describeFields(SAMPLES).trimEnd());
});

test.each(SAMPLES)('the table is right about the sample $name', ({ event }) => {
  const listed = new Map(fieldsOf(resourceOf(event.type) ?? '').map(({ name, presence }) => [name, presence]));
  const wrong = FIELDS.filter((field) => {
    const { name } = field;
    const isThere = !name.startsWith('alert.') && field.read(event) !== null;
    return (isThere && !listed.has(name)) || (!isThere && listed.get(name) === 'always');
  });
  expect(wrong.map(({ name }) => name)).toEqual([]);
});
