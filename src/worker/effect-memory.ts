import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { AttemptProgress, RememberedEffects } from '../../activities/effect-once';
import type { JsonObject } from '../events/json';
import { makePrivateFile } from '../storage/data-folder';
import { openDataFolder } from '../storage/private-folder';
import { setAside } from '../storage/set-aside';
import {
  change,
  emptyLog,
  inTransaction,
  isCorruption,
  one,
  oneNumber,
  openDatabase,
  openWriteAheadLog,
  prepare,
  sqliteCode,
  type Bound,
  type Database,
} from '../storage/sqlite';
import { StatementCache } from '../storage/statement-cache';

/** The file in the data folder. */
const EFFECTS_FILE = 'effects.db';
const SCHEMA = 1;
const TABLES = `
  CREATE TABLE IF NOT EXISTS effects (key BLOB PRIMARY KEY, at INTEGER NOT NULL, result TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS effects_by_time ON effects (at);
  CREATE TABLE IF NOT EXISTS progress (
    key BLOB PRIMARY KEY, at INTEGER NOT NULL, attempt INTEGER NOT NULL, saved TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS progress_by_time ON progress (at);
  PRAGMA user_version = ${SCHEMA};
`;
const KEEP_RESULT = 'INSERT INTO effects (key, at, result) VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING';
const KEEP_PROGRESS = `INSERT INTO progress (key, at, attempt, saved) VALUES (?, ?, ?, ?)
  ON CONFLICT (key) DO UPDATE SET at = excluded.at, attempt = excluded.attempt, saved = excluded.saved`;
/** Another worker with the same data folder writes for milliseconds. */
const BUSY_TIMEOUT_MS = 1_000;

/** Longer than the longest retry budget (31 days): no attempt comes later. */
const KEEP_MS = 32 * 86_400_000;
const PRUNE_EVERY_MS = 3_600_000;
/** So many new results are also a reason to look for old ones. */
const PRUNE_AFTER_ROWS = 500;
/** Rows deleted after one commit, so that no attempt waits long. */
const PRUNE_ROWS = 1_000;

const resultRow = z.object({ result: z.string() });
const progressRow = z.object({ attempt: z.int().positive(), saved: z.string() });
const jsonObject = z.record(z.string(), z.json());

/** What an {@link EffectMemory} needs. */
export interface EffectMemoryOptions {
  log: Pick<Logger, 'error' | 'info'>;
  /** Called for each effect that could not be kept. */
  onNotKept: () => void;
  /** The oldest results are dropped above this size. Bytes. */
  maxBytes?: number;
}

const MAX_BYTES = 256 * 1_048_576;

/** A row that waits for the next commit. */
interface Pending {
  sql: string;
  values: Bound[];
  done: () => void;
}

/**
 * Results of the effects that the workers of this machine had confirmed, and what failed attempts at them left:
 * `effects.db` in the data folder. An action key is kept as its SHA-256; a result is what later steps may use.
 *
 * Guarantees: what is kept is on the disk, synced, when the promise resolves, unless the disk refuses it. What waits
 * at the same time shares one commit. Several workers may use one folder.
 *
 * Not guaranteed: anything for workers with another data folder; results older than 32 days, or the oldest ones above
 * 256 MiB. If the file cannot be opened or written, nothing is kept, the log says so, and effects go on: an effect that
 * was done is not made to fail by it.
 */
export class EffectMemory implements RememberedEffects {
  readonly #database: Database | null;
  readonly #statements: StatementCache | null;
  readonly #options: EffectMemoryOptions;
  #pending: Pending[] = [];
  #isFailing = false;
  #nextPruneAt = 0;
  #rowsSincePrune = 0;

  private constructor(database: Database | null, options: EffectMemoryOptions) {
    this.#database = database;
    this.#statements = database === null ? null : new StatementCache(database);
    this.#options = options;
  }

  /** Opens the file, creating folder and file when they are missing. A damaged one is set aside. */
  static open(dataDir: string, options: EffectMemoryOptions): EffectMemory {
    const path = join(dataDir, EFFECTS_FILE);
    try {
      openDataFolder(dataDir);
      try {
        return new EffectMemory(openFile(path), options);
      } catch (error) {
        if (!isCorruption(error)) {
          throw error;
        }
        options.log.error(
          { file: setAside(path) },
          `${EFFECTS_FILE} was damaged and is set aside: what is done again in the next minutes cannot be recognised`,
        );
        return new EffectMemory(openFile(path), options);
      }
    } catch (error) {
      options.log.error(
        { reason: reasonOf(error) },
        `${EFFECTS_FILE} cannot be used. Effects go on; a mail, text or post can be sent twice if Temporal ends at that moment. Give the worker a data folder that it can write (BRIDGE_DATA_DIR)`,
      );
      return new EffectMemory(null, options);
    }
  }

  recall(key: string): JsonObject | null {
    return this.#read('SELECT result FROM effects WHERE key = ?', key, (row) =>
      jsonObject.parse(JSON.parse(resultRow.parse(row).result)),
    );
  }

  remember(key: string, result: JsonObject): Promise<void> {
    return this.#keep(KEEP_RESULT, [hashOf(key), Date.now(), JSON.stringify(result)]);
  }

  recallProgress(key: string): AttemptProgress | null {
    return this.#read('SELECT attempt, saved FROM progress WHERE key = ?', key, (row) => {
      const { attempt, saved } = progressRow.parse(row);
      return { attempt, saved: z.json().parse(JSON.parse(saved)) };
    });
  }

  rememberProgress(key: string, { attempt, saved }: AttemptProgress): Promise<void> {
    return this.#keep(KEEP_PROGRESS, [hashOf(key), Date.now(), attempt, JSON.stringify(saved)]);
  }

  /** Keeps what waits, and closes the file. */
  close(): void {
    this.#commit();
    this.#statements?.clear();
    this.#database?.close();
  }

  #read<Value>(sql: string, key: string, parse: (row: unknown) => Value): Value | null {
    try {
      const statement = this.#statements?.get(sql);
      const row = statement === undefined ? undefined : one(statement, [hashOf(key)]);
      return row === undefined ? null : parse(row);
    } catch (error) {
      this.#failed(error, 'read');
      return null;
    }
  }

  #keep(sql: string, values: Bound[]): Promise<void> {
    return new Promise((done) => {
      this.#pending.push({ sql, values, done });
      if (this.#pending.length === 1) {
        setImmediate(() => this.#commit());
      }
    });
  }

  #commit(): void {
    const batch = this.#pending;
    this.#pending = [];
    if (batch.length > 0) {
      this.#write(batch);
      batch.forEach(({ done }) => done());
    }
  }

  #write(batch: readonly Pending[]): void {
    const [database, statements] = [this.#database, this.#statements];
    if (database === null || statements === null || !database.open) {
      batch.forEach(() => this.#options.onNotKept());
      return;
    }
    try {
      inTransaction(database, () => {
        for (const { sql, values } of batch) {
          change(statements.get(sql), values);
        }
      });
      if (this.#isFailing) {
        this.#isFailing = false;
        this.#options.log.info({}, `${EFFECTS_FILE} can be written again`);
      }
    } catch (error) {
      batch.forEach(() => this.#options.onNotKept());
      this.#failed(error, 'written');
      return;
    }
    this.#rowsSincePrune += batch.length;
    this.#prune(database, statements);
  }

  /** Deletes some old results: every hour, after some hundred new ones, and after each commit while there are more. */
  #prune(database: Database, statements: StatementCache): void {
    const now = Date.now();
    if (now < this.#nextPruneAt && this.#rowsSincePrune < PRUNE_AFTER_ROWS) {
      return;
    }
    this.#rowsSincePrune = 0;
    this.#nextPruneAt = now + PRUNE_EVERY_MS;
    try {
      const pages = oneNumber(database, 'PRAGMA page_count') - oneNumber(database, 'PRAGMA freelist_count');
      const isTooLarge = pages * oneNumber(database, 'PRAGMA page_size') > (this.#options.maxBytes ?? MAX_BYTES);
      const before = isTooLarge ? now : now - KEEP_MS;
      const deleted = ['effects', 'progress'].map((table) =>
        change(
          statements.get(
            `DELETE FROM ${table} WHERE key IN (SELECT key FROM ${table} WHERE at < ? ORDER BY at LIMIT ?)`,
          ),
          [before, PRUNE_ROWS],
        ),
      );
      if (deleted.includes(PRUNE_ROWS) || isTooLarge) {
        this.#nextPruneAt = now;
      }
    } catch (error) {
      this.#failed(error, 'written');
    }
  }

  /** Reports a failure once, until a commit succeeds. */
  #failed(error: unknown, how: 'read' | 'written'): void {
    // A libsql statement that failed once fails every time.
    this.#statements?.clear();
    if (!this.#isFailing) {
      this.#isFailing = true;
      this.#options.log.error(
        { reason: reasonOf(error) },
        `${EFFECTS_FILE} cannot be ${how}. Effects go on; a mail, text or post can be sent twice if Temporal ends at that moment`,
      );
    }
  }
}

/**
 * Removes what actions returned and failed attempts left, by action key; that they were done stays known. No effect
 * where there is no file.
 */
export function forgetResults(dataDir: string, keys: readonly string[]): void {
  const path = join(dataDir, EFFECTS_FILE);
  if (!existsSync(path)) {
    return;
  }
  const database = openFile(path);
  try {
    database.exec('PRAGMA secure_delete = ON');
    inTransaction(database, () => {
      const forgetResult = prepare(database, "UPDATE effects SET result = '{}' WHERE key = ?");
      const forgetProgress = prepare(database, 'DELETE FROM progress WHERE key = ?');
      for (const key of keys.map(hashOf)) {
        change(forgetResult, [key]);
        change(forgetProgress, [key]);
      }
    });
    emptyLog(database);
  } finally {
    database.close();
  }
}

function openFile(path: string): Database {
  makePrivateFile(path);
  const database = openDatabase(path, BUSY_TIMEOUT_MS);
  try {
    openWriteAheadLog(database, path);
    // Each commit is synced: the provider has confirmed the effect, and after a power loss nobody else knows it.
    database.exec('PRAGMA synchronous = FULL');
    inTransaction(database, () => {
      database.exec(TABLES);
    });
    one(prepare(database, 'SELECT 1 FROM effects, progress LIMIT 1'));
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** SQLite's code, or the sentence of a start error; other messages may quote paths only. */
function reasonOf(error: unknown): string {
  return sqliteCode(error) ?? (error instanceof Error ? error.message : 'unknown');
}
