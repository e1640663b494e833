import type { CanonicalEvent } from '../../src/events/canonical-event';
import { fitForRun } from '../../src/runs/fit-for-run';
import { eventOf } from '../events/event-of';

const KIB = 1_024;

function event(data: CanonicalEvent['data'], text: string | null = null): CanonicalEvent {
  return eventOf({ id: '1', text, data });
}

function sizeOf(fit: CanonicalEvent): number {
  return Buffer.byteLength(JSON.stringify(fit));
}

it('returns an event of ordinary size unchanged', () => {
  const ordinary = event({ id: '1', actions: ['a'.repeat(500 * KIB)] });
  expect(fitForRun(ordinary)).toBe(ordinary);
});

it('leaves out the longest parts, keeps all others whole, and lists what is missing', () => {
  const huge = event(
    { id: '1', executed_actions: ['x'.repeat(9_000 * KIB)], metadata: { campaign: 'z'.repeat(200 * KIB) } },
    'y'.repeat(600 * KIB),
  );
  const fit = fitForRun(huge);
  expect(fit).toEqual({
    ...huge,
    text: null,
    data: { id: '1', metadata: huge.data['metadata'] },
    left_out: ['data.executed_actions', 'text'],
  });
  expect(sizeOf(fit)).toBeLessThan(512 * KIB);
});

it('keeps a text that is also in data', () => {
  const text = 'y'.repeat(400 * KIB);
  expect(fitForRun(event({ id: '1', text }, text))).toMatchObject({ text, data: { id: '1' }, left_out: ['data.text'] });
});

it('leaves out names, numbers and the declared type', () => {
  const long = 'n'.repeat(3_000 * KIB);
  const fit = fitForRun({
    ...event({ id: '1' }),
    declared_type: long,
    peer: { type: 'tel', number: '+15551234567', name: long },
    ours: { type: long, number: long, name: null },
  });
  expect(fit).toMatchObject({
    declared_type: '',
    peer: { type: 'tel', number: '+15551234567', name: null },
    ours: { type: '', number: null, name: null },
  });
  expect(fit.left_out).toHaveLength(4);
  expect(sizeOf(fit)).toBeLessThan(512 * KIB);
});

it.each<[string, CanonicalEvent['data']]>([
  ['more members than can be listed', Object.fromEntries(members(200, (index) => `part_${index}`, 10 * KIB))],
  ['a member whose name is long', { id: '1', ['n'.repeat(600 * KIB)]: 'z' }],
  ['a member whose name is a phone number', { id: '1', '+15551234567': 'z'.repeat(600 * KIB) }],
  ['a member whose name has a dot', { id: '1', 'a.b': 'z'.repeat(600 * KIB) }],
])('leaves out data as a whole for %s', (_, data) => {
  const fit = fitForRun(event(data));
  expect([fit.data, fit.left_out]).toEqual([{}, ['data']]);
});

it('keeps a member named __proto__ as a member', () => {
  const data = JSON.parse(`{"id":"1","__proto__":{"a":1},"long":"${'z'.repeat(600 * KIB)}"}`) as CanonicalEvent['data'];
  expect(JSON.stringify(fitForRun(event(data)).data)).toBe('{"id":"1","__proto__":{"a":1}}');
});

it('is below the limit for parts of any sizes', () => {
  for (let index = 0; index < 60; index += 4) {
    const count = 1 + index * 3;
    const fit = fitForRun(
      event(Object.fromEntries(members(count, (at) => `part_${at}`, 1 + index * 4 * KIB)), '"'.repeat(index * KIB)),
    );
    expect(sizeOf(fit)).toBeLessThanOrEqual(512 * KIB);
  }
});

function members(count: number, name: (index: number) => string, chars: number): [string, string][] {
  return Array.from({ length: count }, (_, index) => [name(index), 'z'.repeat(chars)]);
}
