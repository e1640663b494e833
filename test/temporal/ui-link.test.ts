import { runLink } from '../../src/temporal/ui-link';

// dev-server.test.ts opens such a link in the real UI.
test.each([
  [
    'http://127.0.0.1:8233',
    'default',
    'call_hangup/5371',
    '01a2',
    'http://127.0.0.1:8233/namespaces/default/workflows/call_hangup%2F5371/01a2/history',
  ],
  [
    'https://cloud.temporal.io/',
    'prod.a1b2c',
    'message_created/m1#2',
    undefined,
    'https://cloud.temporal.io/namespaces/prod.a1b2c/workflows/message_created%2Fm1%232',
  ],
])('%s, namespace %s, run %s %s', (ui, namespace, workflowId, runId, link) => {
  expect(runLink(ui, namespace, workflowId, runId)).toBe(link);
});
