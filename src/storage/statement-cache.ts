import { all, change, inTransaction, one, prepare, type Bound, type Database, type Prepared } from './sqlite';

/**
 * The prepared statements of one open database, each prepared once.
 *
 * A libsql statement that failed once fails every time. All methods but {@link get} therefore drop all statements
 * when they throw, so that the next call prepares them again.
 */
export class StatementCache {
  readonly #statements = new Map<string, Prepared>();

  constructor(private readonly database: Database) {}

  /** The statement with this text. Who runs it calls {@link clear} after an error. */
  get(sql: string): Prepared {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = prepare(this.database, sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Runs a statement that changes rows. @returns how many it changed. */
  change(sql: string, values: Bound[]): number {
    return this.#orClear(() => change(this.get(sql), values));
  }

  /** The first row; undefined when there is none. */
  one(sql: string, values: Bound[] = []): unknown {
    return this.#orClear(() => one(this.get(sql), values));
  }

  /** All rows. */
  all(sql: string, values: Bound[] = []): unknown[] {
    return this.#orClear(() => all(this.get(sql), values));
  }

  /** Runs `work` in one write transaction, as `inTransaction` does. */
  transact<Result>(work: () => Result): Result {
    return this.#orClear(() => inTransaction(this.database, work));
  }

  /** Drops all statements. */
  clear(): void {
    this.#statements.clear();
  }

  /** Drops all statements and closes the database. @returns false when it was closed already. */
  close(): boolean {
    const wasOpen = this.database.open;
    this.clear();
    if (wasOpen) {
      this.database.close();
    }
    return wasOpen;
  }

  #orClear<Result>(run: () => Result): Result {
    try {
      return run();
    } catch (error) {
      this.clear();
      throw error;
    }
  }
}
