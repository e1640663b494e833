import { ApiError } from '../../src/admin/api';
import { operationRoutes } from '../../src/operations/routes';
import type { Operations } from '../../src/operations/operations';

const done: string[] = [];
const record =
  (name: string) =>
  (_body: unknown, _who: string, isDry: boolean): Promise<object> => {
    done.push(`${name} ${isDry ? 'dry' : 'real'}`);
    return Promise.resolve({});
  };
// Only what the routes hand on is looked at here; test/e2e/operations.test.ts has the real ones.
const operations = {
  planRetry: record('retry'),
  planRerun: record('rerun'),
  forget: record('forget'),
} as unknown as Operations;

beforeEach(() => done.splice(0));

function call(path: string, query: Record<string, string>): Promise<unknown> {
  const route = operationRoutes(operations).find((each) => each.path === path);
  return route?.run({ params: {}, query, body: {}, who: 'ann' }) ?? Promise.reject(new Error('no route'));
}

test.each(['/retry', '/rerun', '/forget'])('%s does it, or only says what it would do', async (path) => {
  await call(path, {});
  await call(path, { dry_run: 'false' });
  await call(path, { dry_run: 'true' });
  const name = path.slice(1);
  expect(done).toEqual([`${name} real`, `${name} real`, `${name} dry`]);
});

test.each(['1', 'True', 'yes', '', ' true'])('dry_run=%s does nothing: it is refused', async (written) => {
  for (const path of ['/retry', '/rerun', '/forget']) {
    await expect(call(path, { dry_run: written })).rejects.toEqual(
      new ApiError(400, 'wrong_request', 'dry_run is true or false'),
    );
  }
  expect(done).toEqual([]);
});
