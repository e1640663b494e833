import type { Moment } from '../../../src/rules/language/fixed-filters';
import { renderInput } from '../../../src/rules/language/template';
import { eventOf } from '../load-text';
import { MOMENT } from './moment';

const EVENT = eventOf('call_hangup', {
  id: 'c1',
  direction: 'incoming',
  metadata: { greetings: ['hello', 'hi', 'good day', 'dear caller', 'welcome'] },
});

function render(text: string, moment: Partial<Moment> = {}): string {
  const context = { event: EVENT, steps: {}, timezone: 'Asia/Seoul', country: null, sinkOf: () => 'plain' as const };
  const rendered = renderInput({ text }, { ...context, ...MOMENT, ...moment })['text'];
  expect(rendered).toEqual(expect.any(String));
  return typeof rendered === 'string' ? rendered : '';
}

test.each([
  ["{{ 'now' | date: '%Y-%m-%d %H:%M:%S' }}", '2026-03-02 10:00:00'],
  ["{{ 'today' | date: '%d.%m.' }}", '02.03.'],
  ["{{ 'now' | date: '%s' | plus: 60 }}", '1772413260'],
  ["{{ 'now' | date_to_xmlschema }}", '2026-03-02T10:00:00+09:00'],
  ["{{ 'now' | date_to_rfc822 }}", 'Mon, 02 Mar 2026 10:00:00 +0900'],
  ["{{ 'now' | date_to_string }}", '02 Mar 2026'],
  ["{{ 'now' | date_to_long_string }}", '02 March 2026'],
  ["{% assign at = 'now' %}{{ at | date: '%H' }}", '10'],
])('%s is when the step began', (text, expected) => {
  expect(render(text)).toBe(expected);
});

test('a time of the event is printed as it is', () => {
  expect(render("{{ '2026-03-01T12:00:00Z' | date: '%H:%M' }}")).toBe('21:00');
});

describe('sample', () => {
  const PICK = '{{ data.metadata.greetings | sample }}';

  test('picks the same for one action key, whenever it is rendered', () => {
    const later = new Date('2026-03-02T09:00:00.000Z');
    expect(render(PICK, { now: later })).toBe(render(PICK));
  });

  test('picks every item for some action key', () => {
    const picked = Array.from({ length: 100 }, (_, index) => render(PICK, { seed: `call_hangup/${index}/rule/step` }));
    expect(new Set(picked)).toEqual(new Set(['hello', 'hi', 'good day', 'dear caller', 'welcome']));
  });

  test('picks anew at each place of a template', () => {
    const picked = render(`{% for i in (1..50) %}${PICK},{% endfor %}`).split(',');
    expect(new Set(picked).size).toBeGreaterThan(3);
  });

  test.each([
    ["{{ data.metadata.greetings | sample: 5 | sort | join: '/' }}", 'dear caller/good day/hello/hi/welcome'],
    ['{{ data.metadata.greetings | sample: 9 | size }}', '5'],
    ['{{ data.metadata.greetings | sample: 2 | uniq | size }}', '2'],
    ['{{ data.metadata.greetings | sample: 0 | size }}', '0'],
    ["{{ 'aaa' | sample }}", 'a'],
    ['{{ peer.name | sample | size }}', '0'],
  ])('%s keeps what Liquid promises', (text, expected) => {
    expect(render(text)).toBe(expected);
  });
});

test.each([
  ["{{ '2026-03-02 10:00:00.123456' | date: '%Y-%m-%d %H:%M' }}", '2026-03-02 19:00'],
  ["{{ '2026-03-02T10:00' | date: '%H:%M' }}", '19:00'],
  ["{{ 'March 2, 2026 10:00' | date: '%H:%M' }}", '19:00'],
  ["{{ '2026-03-02' | date: '%d.%m.' }}", '02.03.'],
  ["{{ '2026-03-02T10:00:00+01:00' | date: '%H:%M' }}", '18:00'],
  ["{{ 'Mon, 02 Mar 2026 10:00:00 GMT' | date: '%H:%M' }}", '19:00'],
  ["{{ 'Mon, 02 Mar 2026 10:00:00 +0100' | date: '%H:%M' }}", '18:00'],
  ["{{ 1772413200 | date: '%Y-%m-%d %H:%M' }}", '2026-03-02 10:00'],
  ["{{ '1772413200' | date: '%Y-%m-%d %H:%M' }}", '2026-03-02 10:00'],
  ["{{ 'soon' | date: '%H:%M' }}", 'soon'],
])('a time without a zone is UTC, whatever the zone of the machine: %s', (text, expected) => {
  expect(render(text)).toBe(expected);
});

test.each([
  ['%c', 'Mon Mar  2 10:00:00 2026'],
  ['%x %X', '03/02/26 10:00:00'],
  ['%-x, %%c', '03/02/26, %c'],
])('a format has no locale of the machine: %s', (format, expected) => {
  expect(render(`{{ 'now' | date: '${format}' }}`)).toBe(expected);
});
