import { splitTemplate, valueInHost } from '../../../src/rules/language/template-parts';
import { findingsOf } from '../load-text';

test('a text is split at its templates; what is not closed is text', () => {
  expect(splitTemplate('a{{ b }}c{% d {{ %}e{{ f %}')).toEqual({
    parts: ['{{ b }}', '{% d {{ %}'],
    literals: ['a', 'c', 'e{{ f %}'],
  });
});

test.each([
  ['https://{{ data.host }}/x', '{{ data.host }}'],
  ['https://{{ data.customer }}.crm.example/x', '{{ data.customer }}'],
  ['https://crm.example{{ data.path }}', '{{ data.path }}'],
  ['https://crm.example:{{ data.port }}/', '{{ data.port }}'],
  ['https:{{ data.host }}', '{{ data.host }}'],
  [' HTTPS:\\\\{{ data.host }}/', '{{ data.host }}'],
  ['{% if id %}https://a.example{% endif %}{{ id }}', '{{ id }}'],
  ['https://crm.example/{{ data.path }}', null],
  ['https://crm.example?id={{ id }}', null],
  ['https://crm.example/{{ id }}?to=https://{{ id }}', null],
  ["https://{{ ours.number | lookup: 'hosts' }}/x", null],
  ['https://{% if answered %}a{% else %}b{% endif %}.example/', null],
  ['${env:HOOK_URL}/{{ id }}', null],
])('the value in the host of %s', (url, part) => {
  expect(valueInHost(url)).toBe(part);
});

test('a value in the host is a warning, and nowhere else', () => {
  const rule = (input: string): string =>
    `version: 1\nrules:\n  - name: r\n    on: call_hangup\n    do: [{ http.request: ${input} }]\n`;
  expect(findingsOf(rule('{ url: "https://crm.example{{ id }}", body: "https://{{ id }}/" }'))).toEqual([
    'rules.yaml:5:33  warning: "{{ id }}" is a part of the host: who can cause an event may decide where the request goes; write out the host, with a / after it, or look it up in a map',
  ]);
});
