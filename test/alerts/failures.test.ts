import { failuresIn } from '../../src/alerts/failures';

const runOf = (step: object) => ({
  outcome: 'failed',
  report: JSON.stringify({
    rules: [{ rule: 'warehouse', steps: [{ step: 'dwh', action: 'http.request', outcome: 'failed', ...step }] }],
  }),
});

test.each([
  [{ class: 'permanent', code: 'http_400' }, 'bridge events retry --failed --rule warehouse; or'],
  [
    { class: 'ambiguous', code: 'http_503' },
    'bridge events retry --failed --rule warehouse --since 24h --ambiguous warehouse/dwh; or',
  ],
  [{ class: 'transient', code: 'too_late' }, 'bridge events retry --failed --rule warehouse --late; or'],
])('a failure of %j names the command that does the step again', (step, command) => {
  const [failure] = failuresIn([runOf(step), runOf(step)]);
  expect(failure).toMatchObject({ kind: 'run_failed', more: 2 });
  // One space, whether the failure has a remedy or not.
  expect(failure?.summary).toContain(`). Then: ${command}`);
});
