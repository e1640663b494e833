import type { ApiRoute } from '../../admin/api';
import type { WebhookDesk } from './desk';

/** The account's webhooks as calls of the API. docs/operations.md describes them. */
export function webhookRoutes(desk: WebhookDesk): ApiRoute[] {
  return [
    { method: 'GET', path: '/webhook', run: () => desk.registered() },
    { method: 'GET', path: '/webhook/status', run: () => desk.status() },
    {
      method: 'POST',
      path: '/webhook/changes',
      run: async ({ body, query, who }) =>
        query['dry_run'] === 'true' ? desk.plan(body) : desk.apply(body, who, query['plan']),
    },
  ];
}
