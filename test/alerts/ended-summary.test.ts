import type { Alert } from '../../src/alerts/alert';
import { endedSummary } from '../../src/alerts/ended-summary';

const MINUTES = 60_000;
const alert = (more: Partial<Alert>): Alert => ({
  id: 1,
  kind: 'run_failed',
  key: '',
  rule: null,
  connection: null,
  error_class: null,
  summary: 'It happened.',
  count: 20,
  since: '2026-03-02T08:00:00.000Z',
  last_at: '2026-03-02T08:00:00.000Z',
  ended_at: '2026-03-02T08:15:00.000Z',
  acked_by: null,
  ...more,
});

test.each<[string, Partial<Alert>, string]>([
  ['what lasts is over', { kind: 'connection_parked', count: 1 }, 'This has ended. The alert was: It happened.'],
  [
    'failed runs are still failed',
    { rule: 'crm' },
    'No more for 15m (it happened 20 times). What nobody has retried since is still failed: bridge events list --status failed,partial. It happened.',
  ],
  [
    'runs without a report name their own status',
    { count: 1, summary: 'Runs ended as terminated. See bridge events list --status terminated' },
    'No more for 15m. Runs ended as terminated. See bridge events list --status terminated',
  ],
  [
    'requests stay in quarantine',
    { kind: 'quarantine' },
    'No more for 15m (it happened 20 times). What nobody has accepted since is still there: bridge events list --quarantine. It happened.',
  ],
  [
    'refused events were not taken',
    { kind: 'signature_refused', count: 1 },
    'No more for 15m. Events among them were not taken. To fetch them from VoIPBIN: bridge backfill. It happened.',
  ],
  ['backfilled events are there', { kind: 'webhooks_missing', count: 1 }, 'No more for 15m. It happened.'],
])('%s', (_what, more, expected) => {
  expect(endedSummary(alert(more), 15 * MINUTES)).toBe(expected);
});
