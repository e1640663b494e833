import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase, type Database } from '../../src/storage/sqlite';
import { StatementCache } from '../../src/storage/statement-cache';

let folder: string;
let other: Database;
let statements: StatementCache;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'statements-'));
  const path = join(folder, 'a.db');
  other = openDatabase(path);
  other.exec('CREATE TABLE kept (n INTEGER PRIMARY KEY)');
  statements = new StatementCache(openDatabase(path, 1));
});

afterEach(() => {
  statements.close();
  other.close();
  rmSync(folder, { recursive: true, force: true });
});

const ADD = 'INSERT INTO kept (n) VALUES (?)';
const ROWS = 'SELECT n FROM kept ORDER BY n';

it.each<[string, () => unknown]>([
  ['a change', () => statements.change(ADD, [2])],
  ['a transaction', () => statements.transact(() => statements.change(ADD, [2]))],
  ['a read of all rows', () => statements.all(ROWS)],
  ['a read of one row', () => statements.one(ROWS)],
])('%s that failed once works again', (_what, run) => {
  statements.change(ADD, [1]);
  statements.all(ROWS);
  other.exec('BEGIN EXCLUSIVE');
  expect(run).toThrow(expect.objectContaining({ code: 'SQLITE_BUSY' }));
  expect(run).toThrow(expect.objectContaining({ code: 'SQLITE_BUSY' }));
  other.exec('ROLLBACK');
  expect(run).not.toThrow();
});

it('a transaction that fails changes nothing', () => {
  expect(() =>
    statements.transact(() => {
      statements.change(ADD, [1]);
      throw new Error('no');
    }),
  ).toThrow('no');
  expect(statements.all(ROWS)).toEqual([]);
});

it('closes once', () => {
  expect([statements.close(), statements.close()]).toEqual([true, false]);
});
