import { z } from 'zod';
import { ApiError, wrongRequest, type ApiRoute } from '../admin/api';
import type { Operations } from './operations';

const MOST_ROWS = 1_000;
const dryRun = z.enum(['true', 'false']).default('false');
const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(MOST_ROWS).default(20),
  since: z.iso.datetime({ offset: true }).optional(),
});

/** The operations as calls of the API. docs/operations.md describes them. */
export function operationRoutes(operations: Operations): ApiRoute[] {
  return [
    {
      method: 'POST',
      path: '/retry',
      run: async ({ body, who, query }) => operations.planRetry(body, who, isDry(query)),
    },
    {
      method: 'POST',
      path: '/rerun',
      run: async ({ body, who, query }) => operations.planRerun(body, who, isDry(query)),
    },
    { method: 'GET', path: '/jobs', run: ({ query }) => Promise.resolve(operations.jobs(listOf(query).limit)) },
    { method: 'GET', path: '/jobs/:id', run: ({ params }) => now(() => operations.job(params['id'] ?? '')) },
    {
      method: 'POST',
      path: '/jobs/:id/run',
      run: ({ params, who }) => now(() => operations.confirm(params['id'] ?? '', who)),
    },
    {
      method: 'POST',
      path: '/jobs/:id/cancel',
      run: ({ params, who }) => now(() => operations.cancel(params['id'] ?? '', who)),
    },
    {
      method: 'POST',
      path: '/quarantine/:id/accept',
      run: ({ params, body, who }) => operations.accept(params['id'] ?? '', body, who),
    },
    {
      method: 'POST',
      path: '/forget',
      run: async ({ body, who, query }) => operations.forget(body, who, isDry(query)),
    },
    {
      method: 'GET',
      path: '/audit',
      run: ({ query }) =>
        now(() => {
          const { limit, since } = listOf(query);
          return operations.audit({ limit, ...(since === undefined ? {} : { since: new Date(since) }) });
        }),
    },
  ];
}

/** @throws ApiError for anything but `true` and `false`: `dry_run=1` must not do what the caller only wants to see. */
function isDry(query: Readonly<Record<string, string>>): boolean {
  const result = dryRun.safeParse(query['dry_run']);
  if (!result.success) {
    throw new ApiError(400, 'wrong_request', 'dry_run is true or false');
  }
  return result.data === 'true';
}

/** Errors reach the caller as a rejection. */
async function now<Answer>(work: () => Answer): Promise<Answer> {
  return work();
}

function listOf(query: Readonly<Record<string, string>>): z.infer<typeof listQuery> {
  const result = listQuery.safeParse(query);
  if (!result.success) {
    throw wrongRequest(result.error.issues);
  }
  return result.data;
}
