import { prepare, type Database, type Prepared } from './sqlite';

/** The prepared statements of one open database, each prepared once. */
export class StatementCache {
  readonly #statements = new Map<string, Prepared>();

  constructor(private readonly database: Database) {}

  /** The statement with this text. */
  get(sql: string): Prepared {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = prepare(this.database, sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Drops all statements. Call it after an error: a libsql statement that failed once fails every time. */
  clear(): void {
    this.#statements.clear();
  }
}
