import { retryCommand } from '../../src/alerts/retry-command';

const failure = { rule: 'crm', step: 'task', class: 'permanent', code: 'http_400' };

test.each([
  [{}, 'bridge events retry --failed --rule crm'],
  [{ class: 'ambiguous' }, 'bridge events retry --failed --rule crm --since 24h --ambiguous crm/task'],
  [{ code: 'too_late' }, 'bridge events retry --failed --rule crm --late'],
])('a step that failed with %j', (changes, expected) => {
  expect(retryCommand({ ...failure, ...changes })).toBe(expected);
});

test('the same for a rerun', () => {
  expect(retryCommand({ ...failure, class: 'ambiguous' }, 'rerun')).toBe(
    'bridge events rerun --failed --rule crm --since 24h --ambiguous crm/task',
  );
});
