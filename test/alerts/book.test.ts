import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Condition } from '../../src/alerts/alert';
import { AlertBook } from '../../src/alerts/book';
import type { AlertKind, AlertRoute } from '../../src/rules/alert-route';

const MINUTE = 60_000;
let folder: string;
let clock: number;
let book: AlertBook;

const route = (name: string, ...on: AlertKind[]): AlertRoute => ({
  name,
  at: { file: 'rules.yaml', line: 1, column: 1 },
  on,
  quiet_ms: 15 * MINUTE,
  silence: null,
  failing_after_ms: 300_000,
  steps: [],
  timezone: 'UTC',
  country: null,
});
const routes = [route('ops', 'run_failed', 'connection_parked'), route('boss', 'connection_parked')];
const failed: Condition = { kind: 'run_failed', key: 'rule crm permanent', rule: 'rule', summary: 'It failed' };
const parked: Condition = { kind: 'connection_parked', key: 'slack', connection: 'slack', summary: 'It is parked' };
const due = (): string[] => book.due().map((telling) => `${telling.route} ${telling.alert.kind} ${telling.ended}`);
const tellAll = (): void => book.due().forEach((telling) => book.told(telling));
const reopen = (): void => {
  book.close();
  book = new AlertBook(folder, () => clock);
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bridge-alerts-'));
  clock = Date.parse('2026-03-02T08:00:00Z');
  book = new AlertBook(folder, () => clock);
});
afterEach(() => {
  book.close();
  rmSync(folder, { recursive: true });
});

test('an alert is told once to each route that wants it, and counted while it lasts', () => {
  book.raise(parked, routes);
  expect(due()).toEqual(['boss connection_parked false', 'ops connection_parked false']);
  tellAll();
  book.raise(failed, routes);
  book.raise(failed, routes, 4);
  expect(due()).toEqual(['ops run_failed false']);
  tellAll();
  book.raise(failed, routes);
  expect(due()).toEqual([]);
  expect(book.open().map(({ kind, count }) => [kind, count])).toEqual([
    ['connection_parked', 1],
    ['run_failed', 6],
  ]);
});

test('its end is told once, to those who were told that it began', () => {
  book.raise(parked, routes);
  tellAll();
  book.end('connection_parked', 'slack');
  expect(due()).toEqual(['boss connection_parked true', 'ops connection_parked true']);
  tellAll();
  book.end('connection_parked', 'slack');
  expect(due()).toEqual([]);
});

test('what nobody was told of is over without a word', () => {
  book.raise(parked, routes);
  book.end('connection_parked', 'slack');
  expect(due()).toEqual([]);
});

test('what happens is over when it has not happened for its quiet time', () => {
  book.raise(failed, routes);
  tellAll();
  clock += 14 * MINUTE;
  book.raise(failed, routes);
  clock += 14 * MINUTE;
  book.endQuiet(() => 15 * MINUTE);
  expect(due()).toEqual([]);
  clock += MINUTE;
  book.endQuiet(() => 15 * MINUTE);
  expect(due()).toEqual(['ops run_failed true']);
  tellAll();
  book.raise(failed, routes);
  expect(due()).toEqual(['ops run_failed false']);
});

test('what comes back within a minute is the same alert', () => {
  book.raise(parked, routes);
  tellAll();
  book.end('connection_parked', 'slack');
  clock += MINUTE / 2;
  book.raise(parked, routes);
  expect(due()).toEqual([]);
  expect(book.open().map(({ count }) => count)).toEqual([2]);
});

test('what comes back after it was told to be over is told again', () => {
  book.raise(parked, routes);
  tellAll();
  book.end('connection_parked', 'slack');
  tellAll();
  clock += MINUTE / 2;
  book.raise(parked, routes);
  expect(due()).toEqual(['boss connection_parked false', 'ops connection_parked false']);
});

test.each(['connection_parked', 'connection_failing'] as const)(
  'what comes back after somebody took care of it (%s) is told again, and nobody takes care yet',
  (kind) => {
    const all = [route('ops', kind)];
    book.raise({ ...parked, kind }, all);
    tellAll();
    book.ack(1, 'ann');
    book.end(kind, 'slack');
    clock += MINUTE / 2;
    book.raise({ ...parked, kind }, all);
    expect(due()).toEqual([`ops ${kind} false`]);
    expect(book.open()).toMatchObject([{ kind, count: 1, acked_by: null }]);
  },
);

test('alerts and what is left to tell outlive a restart', () => {
  book.raise(parked, routes);
  reopen();
  expect(due()).toHaveLength(2);
  tellAll();
  reopen();
  expect(due()).toEqual([]);
  book.end('connection_parked', 'slack');
  reopen();
  expect(due()).toHaveLength(2);
});

test('what could not be told is tried again, less and less often, for a day', () => {
  book.raise(failed, routes);
  let tries = 0;
  for (let minutes = 0; minutes < 3 * 1_440; minutes += 1) {
    for (const telling of book.due()) {
      tries += 1;
      book.notTold(telling, 'channel_not_found');
    }
    clock += MINUTE;
  }
  // Every ten minutes at the end.
  expect(tries).toBeGreaterThan(100);
  expect(tries).toBeLessThan(160);
  expect(book.problems()).toEqual([{ alert: 1, route: 'ops', problem: 'channel_not_found' }]);
});

test('somebody who takes care is not told again, not even of the end', () => {
  book.raise(parked, routes);
  expect(book.ack(1, 'ann')).toBe(true);
  expect(due()).toEqual([]);
  book.end('connection_parked', 'slack');
  expect(due()).toEqual([]);
  expect(book.ack(1, 'ann')).toBe(false);
});

test.each([
  ['all' as const, []],
  ['run_failed' as const, []],
  ['backlog' as const, ['ops run_failed false']],
])('a silence of %s', (kind, expected) => {
  book.silence(kind, new Date(clock + MINUTE), 'ann');
  book.raise(failed, routes);
  expect(due()).toEqual(expected);
  clock += MINUTE + 1;
  expect(book.silences()).toEqual([]);
});

test('a route that is gone from the rule file has nothing left to tell', () => {
  book.raise(parked, routes);
  book.dropRoute('boss');
  expect(due()).toEqual(['ops connection_parked false']);
});
