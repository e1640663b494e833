import { hubspot } from '../../../src/connectors/hubspot/connector';
import { renderInput } from '../../../src/rules/language/template';
import type { JsonValue } from '../../../src/events/json';
import { eventOf, ruleSetOf } from '../load-text';
import { MOMENT } from './moment';

const RULES = `version: 1
defaults: { timezone: Europe/Berlin, country: DE }
lists: { team: [Ann, Bob], other: [x] }
maps: { managers: { "030 1234567": anna@example.com }, levels: { gold: 3 }, unused: { a: b } }
windows: { office: { days: mon-fri, from: "09:00", to: "18:00" }, night: { from: "22:00", to: "06:00" } }
rules:
  - name: r
    on: call_hangup
    do: [{ http.request: { url: "https://example.com/", body: { text: TEXT } } }]
`;

/** What the text of a rule becomes for a call at nine in the evening of a Friday in Berlin, from the plan alone. */
function rendered(text: string): JsonValue | undefined {
  const event = eventOf('call_hangup', {
    id: 'c',
    direction: 'incoming',
    source: { type: 'tel', target: '+491701234567', target_name: 'Dr. Ada Lovelace' },
    destination: { type: 'tel', target: '+49301234567' },
    tm_create: '2026-03-06T20:00:00Z',
    raw: '(030) 123 45 67',
    level: 'gold',
  });
  const [rule] = ruleSetOf(RULES.replace('TEXT', JSON.stringify(text))).plan(event)?.rules ?? [];
  const [step] = rule?.steps ?? [];
  const travelled = JSON.parse(JSON.stringify(rule?.names ?? {})) as NonNullable<typeof rule>['names'];
  const { body } = renderInput(step?.input ?? {}, {
    event,
    steps: {},
    timezone: rule?.timezone ?? '',
    country: rule?.country ?? null,
    names: travelled,
    ...MOMENT,
    sinkOf: () => 'plain',
  });
  return typeof body === 'object' && body !== null && 'text' in body ? body['text'] : undefined;
}

test.each([
  ["{{ ours.number | default: '' | lookup: 'managers' | default: 'nobody' }}", 'anna@example.com'],
  ["{{ peer.number | default: '' | lookup: 'managers' | default: 'nobody' }}", 'nobody'],
  ["{{ data.raw | default: '' | lookup: 'managers' | default: 'nobody' }}", 'anna@example.com'],
  ["{{ data.level | default: '' | lookup: 'levels' | default: 0 | plus: 1 }}", '4'],
  ["{{ 'constructor' | lookup: 'levels' | default: 'none' }}", 'none'],
  ["{{ lists.team | join: ' and ' }}", 'Ann and Bob'],
  ['{% for one in lists.team %}{{ one }};{% endfor %}', 'Ann;Bob;'],
  ['{% if windows.office.open %}open{% else %}closed{% endif %}', 'closed'],
  ["{{ windows.office.opens_at | date: '%A %H:%M' }}", 'Monday 09:00'],
  ["{{ peer.name | default: 'there' | first_name }}", 'Ada'],
  ["{{ 'Lovelace, Ada' | first_name }}", 'Ada'],
  ["{{ 'Ada' | first_name }}", 'Ada'],
])('%s', (text, expected) => {
  expect(rendered(text)).toBe(expected);
});

test('a plan has what the texts of its rule use, and nothing else', () => {
  const planOf = (text: string) =>
    ruleSetOf(RULES.replace('TEXT', JSON.stringify(text))).plan(eventOf('call_hangup', { id: 'c' }))?.rules[0]?.names;
  expect(planOf('{{ id }} of the managers, the team and the office')).toBeUndefined();
  expect(planOf('for the lists and windows of the team: lookup managers')).toBeUndefined();
  expect(
    planOf("{{ id | lookup: 'managers' | default: '' }}{% if windows.office.open %}{{ lists.team }}{% endif %}"),
  ).toEqual({
    lists: { team: ['Ann', 'Bob'] },
    maps: { managers: { '+49301234567': 'anna@example.com' } },
    windows: { office: [{ days: [1, 2, 3, 4, 5], from: 540, to: 1_080, except: [], timezone: 'Europe/Berlin' }] },
  });
});

test.each([
  ['next office 09:00', '2026-03-06T20:00:00Z', '2026-03-09T08:00:00.000Z'],
  // It has passed when the step begins: the action makes it "now", as it does with a duration.
  ['next office 09:00', '2026-03-09T09:00:00Z', '2026-03-09T08:00:00.000Z'],
  ['next office', '2026-03-12T09:00:00Z', '2026-03-09T08:00:00.000Z'],
  ["next {{ data.window | default: 'office' }} 09:00", '2026-03-06T20:00:00Z', '2026-03-09T08:00:00.000Z'],
  ['2026-07-01 09:00', '2026-03-06T20:00:00Z', '2026-07-01T07:00:00.000Z'],
  ['4h', '2026-03-06T20:00:00Z', '4h'],
])('an input that names a moment: %s, from a step begun at %s', (due, began, expected) => {
  const task = hubspot.actions['create_task'];
  const context = {
    event: eventOf('call_hangup', { id: 'c', tm_create: '2026-03-06T20:00:00Z', window: 'office' }),
    steps: {},
    timezone: 'Europe/Berlin',
    country: null,
    names: {
      windows: { office: [{ days: [1, 2, 3, 4, 5], from: 540, to: 1_080, except: [], timezone: 'Europe/Berlin' }] },
    },
    now: new Date(began),
    seed: '',
    sinkOf: () => 'plain' as const,
    isMoment: (name: string) => task?.isMoment(name) ?? false,
  };
  expect(renderInput({ due, subject: due }, context)['due']).toBe(expected);
});

test.each([
  ["next {{ data.window | default: 'office' }} 09:00", { windows: ['office', 'night'] }],
  ['{% for one in windows %}{{ one[0] }}{% endfor %}', { windows: ['office', 'night'] }],
  ['{{ lists[id] | join }}', { lists: ['team', 'other'] }],
  ["{{ lists['team'] | join }}", { lists: ['team'] }],
])('a name that is computed may be any: %s', (text, expected) => {
  const names = ruleSetOf(RULES.replace('TEXT', JSON.stringify(text))).plan(eventOf('call_hangup', { id: 'c' }))
    ?.rules[0]?.names;
  expect(Object.fromEntries(Object.entries(names ?? {}).map(([root, of]) => [root, Object.keys(of)]))).toEqual(
    expected,
  );
});
