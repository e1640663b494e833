import { WrongUse } from '../../src/errors/operator-errors';
import type { JsonObject } from '../../src/events/json';
import { readEvent } from '../../src/samples/samples';
import { setValue } from '../../src/samples/set-value';

function changed(assignment: string, event: JsonObject = readEvent('message_created')): JsonObject {
  setValue(event, assignment);
  return event;
}

test.each(['data.targets.0.destination.target=+15550001111', 'data.targets[0].destination.target=+15550001111'])(
  '%s changes the item of the list',
  (assignment) => {
    const { data } = changed(assignment);
    expect(data).toMatchObject({ targets: [{ destination: { type: 'tel', target: '+15550001111' }, parts: 1 }] });
    expect(Object.keys(data as object)).not.toContain('targets[0]');
  },
);

test('a list grows by one item, and what is missing on the way is created', () => {
  expect(changed('data.targets[1].destination.target=+15550001111')['data']).toMatchObject({
    targets: [{ status: 'received' }, { destination: { target: '+15550001111' } }],
  });
  expect(changed('data.extra.deep=1')['data']).toMatchObject({ extra: { deep: 1 } });
});

test.each([
  ['data.text=x', null],
  ['data.targets[1].status=x', null],
  ['data.sorce.target=x', { path: 'data.sorce', near: 'source' }],
  ['data.source.taget=x', { path: 'data.source.taget', near: 'target' }],
  ['data.campaign.name=x', { path: 'data.campaign', near: null }],
])('%s tells what it added', (assignment, added) => {
  expect(setValue(readEvent('message_created'), assignment)).toEqual(added);
});

test.each([
  ['data.targets.2.status=sent', '"data.targets" is a list with 1 items: write data.targets.0 for its first'],
  ['data.targets.status=sent', '"data.targets" is a list'],
  ['data.targets.99999999999.status=sent', '"data.targets" is a list'],
  ['data.text.0=x', '"data.text" is neither an object nor a list'],
  ['data.targets[first].status=x', '"targets[first]" is not a name'],
  ['data..id=x', 'the path has an empty name'],
  ['data.=x', 'the path has an empty name'],
  ['id=my-call', 'the bridge reads type and data of an event only; did you mean "data.id"?'],
  ['no-equals', '--set expects path=value'],
])('%s is wrong use', (assignment, says) => {
  expect(() => changed(assignment)).toThrow(WrongUse);
  expect(() => changed(assignment)).toThrow(says);
});

test('names like __proto__ set no prototype', () => {
  const { data } = changed('data.__proto__.polluted=1');
  expect(Object.hasOwn(data as object, '__proto__')).toBe(true);
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});

test.each([
  ['data.text=+15551234567', '+15551234567'],
  ['data.text=15551234567', '15551234567'],
  ['data.text=true', true],
  ['data.text={"a":[1]}', { a: [1] }],
  ['data.text=a=b', 'a=b'],
])('%s', (assignment, value) => {
  expect(changed(assignment)['data']).toMatchObject({ text: value });
});
