import type { Sink } from '../../../src/connectors/connector';
import type { JsonObject, JsonValue } from '../../../src/events/json';
import { fillReferences, showReferences } from '../../../src/rules/language/secret-references';
import { renderInput } from '../../../src/rules/language/template';
import { eventOf } from '../load-text';
import { MOMENT } from './moment';
const EVENT = eventOf('message_created', {
  id: 'm',
  text: '${env:CRM_TOKEN}',
  tail: '{env:CRM_TOKEN}',
  marks: '\uFDD0env:CRM_TOKEN\uFDD1',
  map: { deep: ['${env:CRM_TOKEN}', '\uFDD0env:CRM_TOKEN\uFDD1'] },
});

function render(text: JsonValue, sink: Sink = 'plain'): JsonObject {
  return renderInput(
    { text },
    { event: EVENT, steps: {}, timezone: 'UTC', country: null, sinkOf: () => sink, accepts: () => true, ...MOMENT },
  );
}

const filled = (text: JsonValue, sink?: Sink): unknown =>
  fillReferences(render(text, sink), (reference) => `<${reference}>`)['text'];
const shown = (text: JsonValue, sink?: Sink): unknown => showReferences(render(text, sink))['text'];

test.each([
  ['Bearer ${env:CRM_TOKEN}', 'Bearer <env:CRM_TOKEN>'],
  ['{{ id }} ${file:/run/secrets/crm}', 'm <file:/run/secrets/crm>'],
  ['{% if id %}${env:A}{% endif %}${env:B}', '<env:A><env:B>'],
  ['$${env:CRM_TOKEN}', '${env:CRM_TOKEN}'],
  ['${other} ${{ id }} $x', '${other} $m $x'],
])("a reference in the rule's own text is replaced: %s", (text, expected) => {
  expect(filled(text)).toBe(expected);
});

test('people see the reference', () => {
  expect(shown('Bearer ${env:CRM_TOKEN}')).toBe('Bearer ${env:CRM_TOKEN}');
});

describe('what an event brings is never replaced', () => {
  test.each<[string, string]>([
    ['{{ text }}', '${env:CRM_TOKEN}'],
    ['${{ data.tail }}', '${env:CRM_TOKEN}'],
    ['{{ data.marks }}', '${env:CRM_TOKEN}'],
    ['{% echo data.marks %}', '${env:CRM_TOKEN}'],
    ['{{ text | replace: "$", "" | prepend: "$" }}', '${env:CRM_TOKEN}'],
    ['{{ "${env:CRM_TOKEN}" }}', '${env:CRM_TOKEN}'],
  ])('%s', (text, expected) => {
    expect(filled(text)).toBe(expected);
  });

  test.each<Sink>(['plain', 'html', 'slack', 'json', 'url', 'header'])('wherever it goes: %s', (sink) => {
    expect(filled('x {{ text }} {{ data.marks }}', sink)).not.toContain('<env:');
    expect(JSON.stringify(filled('{{ data.map }}', sink))).not.toContain('<env:');
  });

  test('nor what a secret contains', () => {
    expect(fillReferences(render('${env:A}'), () => '${env:B}')['text']).toBe('${env:B}');
  });
});
