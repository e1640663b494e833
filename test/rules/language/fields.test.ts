import { knownTypeNames, typesFor } from '../../../src/events/catalogue';
import type { JsonObject } from '../../../src/events/json';
import { fieldNamed, presenceFor } from '../../../src/rules/language/fields';
import { FIELDS } from '../../../src/rules/language/field-list';
import { nearest } from '../../../src/yaml/nearest-name';
import { variablesOf } from '../../../src/rules/language/scope';
import { canonicalize } from '../../../src/events/canonicalize';
import type { CanonicalEvent } from '../../../src/events/canonical-event';
import { eventOf, RECEIVED_AT } from '../load-text';

const party = { type: 'tel', target: '+15551234567', target_name: 'Kim' };

/** Everything that any resource could say of itself. */
const EVERYTHING: JsonObject = {
  id: 'x1',
  customer_id: '7c4d2f3a-1b8e-4f5c-9a6d-3e2f1a0b4c5d',
  direction: 'incoming',
  source: party,
  destination: party,
  destinations: [party],
  targets: [{ destination: party, status: 'received' }],
  text: 'hello',
  message: 'hello',
  session_id: '5371e9db-d035-4db6-a8d6-0994d33e744e',
  hangup_by: 'remote',
  hangup_reason: 'normal',
  reference_type: 'call',
  reference_id: '5371e9db-d035-4db6-a8d6-0994d33e744e',
  master_call_id: '5371e9db-d035-4db6-a8d6-0994d33e744e',
  answer_call_id: '5371e9db-d035-4db6-a8d6-0994d33e744e',
  duration_waiting: 1_000,
  duration_service: 1_000,
  tm_create: '2026-03-02T00:58:55Z',
  tm_progressing: '2026-03-02T00:59:00Z',
  tm_service: '2026-03-02T00:59:00Z',
  tm_hangup: '2026-03-02T01:00:00Z',
  tm_start: '2026-03-02T00:59:00Z',
  tm_end: '2026-03-02T01:00:00Z',
  tm_update: '2026-03-02T01:00:00Z',
};

/** An event whose call is known, with all that any call could say. */
function fullEvent(type: string, data: JsonObject): CanonicalEvent {
  return canonicalize(
    { type, data },
    Buffer.from(type),
    RECEIVED_AT,
    { has: () => false },
    {
      call: () => ({ ...EVERYTHING, owner_type: 'agent', owner_id: 'a1', master_call_id: null }),
      legsOf: () => ['leg'],
      callOf: () => 'call',
      agent: () => ({ name: 'Ann', username: 'ann@example.com' }),
    },
  );
}

test('what is said to be absent for a type is what the canonical event never has for it', () => {
  const canonical = [...new Set(knownTypeNames().flatMap((name) => typesFor(name) ?? []))];
  expect(canonical.length).toBeGreaterThan(80);
  const seen = new Map<string, Set<string>>();
  for (const type of canonical) {
    for (const status of ['ended', 'done', 'hangup', 'abandoned', 'progressing']) {
      const event = fullEvent(type, { ...EVERYTHING, owner_type: 'agent', owner_id: 'a1', status });
      for (const field of FIELDS) {
        if (field.read(event) !== null) {
          seen.set(field.name, (seen.get(field.name) ?? new Set()).add(event.type));
        }
      }
    }
  }
  const wrong = FIELDS.map((field) => {
    const possible = canonical.filter((type) => presenceFor(field, [type]) !== 'never');
    const having = canonical.filter((type) => seen.get(field.name)?.has(type) === true);
    const wronglyAbsent = having.filter((type) => !possible.includes(type));
    const wronglyPossible =
      field.types === undefined
        ? []
        : possible.filter((type) => !having.includes(type) && EXCEPTIONS[field.name]?.includes(type) !== true);
    return { field: field.name, wronglyAbsent, wronglyPossible };
  });
  expect(wrong).toEqual(FIELDS.map((field) => ({ field: field.name, wronglyAbsent: [], wronglyPossible: [] })));
});

/** Types of a resource that has the field, for which this payload gives none. */
const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  'peer.name': ['webchat_message_created'],
  'ours.number': ['webchat_message_created'],
  'ours.type': ['webchat_message_created'],
  'ours.name': ['webchat_message_created'],
};

test('a field that is never absent has a value even in an empty event', () => {
  const event = eventOf('something_new', {});
  for (const field of FIELDS.filter(({ presence, types }) => presence === 'always' && types === undefined)) {
    expect(field.read(event)).not.toBeNull();
  }
});

test('the fields of an alert are of alerts only', () => {
  const fields = FIELDS.filter(({ name }) => name.startsWith('alert.'));
  const data = { kind: 'run_failed', summary: 's', count: 1, since: 't', ended: false };
  for (const field of fields.filter(({ presence }) => presence === 'always')) {
    expect(field.read({ ...eventOf('call_hangup', {}), type: 'alert', data })).not.toBeNull();
  }
  for (const field of fields) {
    expect(field.read(eventOf('call_hangup', data))).toBeNull();
  }
});

test('every field is a variable, absent ones too', () => {
  const variables = variablesOf({ event: eventOf('something_new', {}), steps: {} });
  for (const field of FIELDS) {
    expect(variables).toHaveProperty(field.name);
  }
});

test.each([
  ['data.a.b', { a: { b: 5 } }, 5],
  ['data.a.1', { a: [1, 2] }, 2],
  ['data.a.b', { a: 'text' }, null],
  ['data.a.length', { a: [1] }, null],
  ['data.hasOwnProperty', {}, null],
  ['data.a', { a: null }, null],
])('%s of %j', (name, data, expected) => {
  expect(fieldNamed(name)?.read(eventOf('x_y', data))).toBe(expected);
});

test.each(['data', 'data.', 'data..a', 'peer', 'toString', '__proto__', ''])('%j is no field', (name) => {
  expect(fieldNamed(name)).toBeUndefined();
});

test.each([
  ['direciton', 'direction'],
  ['peer_number', 'peer.number'],
  ['DIRECTION', 'direction'],
  ['anwered', 'answered'],
  ['quite different', null],
  ['x', null],
  ['a'.repeat(5_000), null],
])('the name nearest to %s is %s', (name, expected) => {
  expect(
    nearest(
      name.slice(0, 5_000),
      FIELDS.map((field) => field.name),
    ),
  ).toBe(expected);
});
