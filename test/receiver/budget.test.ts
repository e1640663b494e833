import { ruleSetOf } from '../rules/load-text';
import { closeDoors, openDoor } from './door';

afterEach(closeDoors);

test('an event on which a condition takes too many steps is acknowledged in time, kept, and reported', async () => {
  const rules = ruleSetOf(`version: 1
rules:
  - name: pairs
    on: message_created
    if: data.tags.all(t, t in data.allowed)
    do: [{ slack.post_message: { channel: '#c', text: hi } }]
`);
  const failed: string[] = [];
  const door = await openDoor({}, { ruleSet: () => rules, onRuleFailed: (rule) => failed.push(rule) });
  const event = (id: string) =>
    JSON.stringify({
      type: 'message_created',
      data: {
        id,
        tags: Array.from({ length: 30_000 }, () => 1),
        allowed: [...Array.from({ length: 30_000 }, () => 0), 1],
      },
    });

  const before = process.cpuUsage();
  const answer = await door.send({ payload: event('slow') });
  const { user, system } = process.cpuUsage(before);

  expect([answer.status, answer.json]).toEqual([200, { status: 'received', id: 'message_created/slow' }]);
  // 77 s without the budget.
  expect((user + system) / 1_000).toBeLessThan(20_000);
  expect(door.reader.get('message_created/slow')?.plan?.rules).toEqual([
    expect.objectContaining({ name: 'pairs', steps: [], failure: expect.objectContaining({ code: 'over_budget' }) }),
  ]);
  expect(failed).toEqual(['pairs']);
  expect(door.log.said).toContainEqual(
    expect.stringMatching(/^rule "pairs" failed: the conditions of the rule take too many steps on this event/),
  );

  await door.send({ payload: event('slow') });
  expect(failed).toEqual(['pairs']);

  // Each failure is counted; one line a minute is enough in the log.
  await door.send({ payload: event('slow-too') });
  expect(failed).toEqual(['pairs', 'pairs']);
  expect(door.log.said.filter((line) => line.includes('rule "pairs" failed'))).toHaveLength(1);
});
