import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { AlertBook } from '../../src/alerts/book';
import { watchAlerts } from '../../src/alerts/metrics';
import { ALERT_KINDS, type AlertRoute } from '../../src/rules/alert-route';
import { readExposition } from '../admin/exposition';

const ROUTE: AlertRoute = {
  name: 'ops',
  at: { file: 'rules.yaml', line: 1, column: 1 },
  on: ['disk'],
  quiet_ms: 1_000,
  silence: null,
  failing_after_ms: 300_000,
  steps: [],
  timezone: 'UTC',
  country: null,
};

let folder: string;
let book: AlertBook;
let registry: Registry;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bridge-alert-metrics-'));
  book = new AlertBook(folder);
  registry = new Registry();
  watchAlerts(registry, book);
});
afterEach(() => {
  book.close();
  rmSync(folder, { recursive: true, force: true });
});

async function figures(): Promise<{ open: Record<string, number>; untold: number | undefined }> {
  const families = readExposition(await registry.metrics());
  const open = families.get('bridge_alerts_open')?.samples ?? [];
  return {
    open: Object.fromEntries(open.map(({ labels, value }) => [labels['kind'] ?? '', value])),
    untold: families.get('bridge_alerts_untold')?.samples[0]?.value,
  };
}

test('alerts that last are counted by kind, and those that somebody is still to be told', async () => {
  const none = await figures();
  expect(Object.keys(none.open).sort()).toEqual(Object.keys(ALERT_KINDS).sort());
  expect(Object.values(none.open).every((value) => value === 0)).toBe(true);
  book.raise({ kind: 'disk', key: '', summary: 'the disk is full' }, [ROUTE]);
  book.raise({ kind: 'backlog', key: '', summary: 'events wait' }, [ROUTE]);
  expect(await figures()).toMatchObject({ open: { disk: 1, backlog: 1, run_failed: 0 }, untold: 1 });
  book.due().forEach((telling) => book.told(telling));
  expect(await figures()).toMatchObject({ open: { disk: 1 }, untold: 0 });
  book.end('disk', '');
  expect(await figures()).toMatchObject({ open: { disk: 0, backlog: 1 } });
});

test('a telling that does not get through stays untold', async () => {
  book.raise({ kind: 'disk', key: '', summary: 'the disk is full' }, [ROUTE]);
  book.due().forEach((telling) => book.notTold(telling, 'slack: invalid_auth'));
  expect((await figures()).untold).toBe(1);
});
