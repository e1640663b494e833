import { change, type Database } from '../../storage/sqlite';
import { StatementCache } from '../../storage/statement-cache';
import { bodyColumn, insertUnlessDuplicate, isDuplicate } from '../duplicates';
import { FORGOTTEN_CONTENT_TYPE, type InboxOutcome } from '../stored-event';
import { FiredRules, hasTwin, withoutFiredRules } from '../twins';
import { PlanTable } from './plans';
import { QuarantineTable, type QuarantineBounds } from './quarantine';
import type { InboxRecord, RecordMeta } from './record';
import { TrafficCounts } from './traffic-counts';

/** How many of our own numbers are stored at most; far more than an account has. */
const MAX_OWN_NUMBERS = 10_000;

/** Names in the table `meta`. */
export type MetaName = 'clean' | 'dispatched' | 'rebuilt' | 'journal_segment' | 'journal_offset';

/**
 * The writes of the inbox on one open `inbox.db`. Call its methods inside a transaction, and {@link forget} after a
 * rollback.
 */
export class ArchiveWrites {
  readonly plans: PlanTable;
  readonly #statements: StatementCache;
  readonly #firedRules: FiredRules;
  readonly #quarantine: QuarantineTable;
  readonly #traffic = new TrafficCounts();

  constructor(database: Database, bounds: QuarantineBounds) {
    this.#statements = new StatementCache(database);
    this.plans = new PlanTable(this.#statements);
    this.#firedRules = new FiredRules(this.#statements);
    this.#quarantine = new QuarantineTable(this.#statements, bounds);
  }

  /**
   * Writes one record.
   * @returns for an event its outcome; for others `ignored`, as there is nothing to do for them.
   */
  write(record: InboxRecord): InboxOutcome {
    const { meta } = record;
    if (meta.kind !== 'event' || meta.plan === null || !hasTwin(meta.type)) {
      return this.writeAsIs(record);
    }
    // A duplicate would find its own rules fired.
    if (isDuplicate(this.#statements, meta.event_id)) {
      return 'duplicate';
    }
    const plan = withoutFiredRules(meta.plan, this.#firedRules.of(meta.id));
    return this.writeAsIs({ ...record, meta: { ...meta, plan } });
  }

  /** Writes one record like {@link write}, but with all rules of its plan, whatever its twin fired. */
  writeAsIs({ meta, body }: InboxRecord): InboxOutcome {
    switch (meta.kind) {
      case 'event':
        return this.#insertEvent(meta, body);
      case 'quarantine':
        this.#quarantine.add({ ...meta, body });
        return 'ignored';
      case 'own_numbers':
        this.#learnOwnNumbers(meta.numbers, meta.learned_at);
        return 'ignored';
      case 'forget':
        change(
          this.#statements.get('UPDATE events SET head = ?, bytes = ?, content_type = ?, body = ? WHERE event_id = ?'),
          [meta.head, body.length, FORGOTTEN_CONTENT_TYPE, bodyColumn(body), meta.event_id],
        );
        return 'ignored';
      case 'release':
        this.#quarantine.remove(meta.id);
        return 'ignored';
    }
  }

  /** Ends what one transaction writes: call it after its last record. */
  endTransaction(): void {
    this.#traffic.write(this.#statements);
  }

  /** Sets a number in the table `meta`. */
  setMeta(name: MetaName, value: number): void {
    change(
      this.#statements.get(
        'INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      ),
      [name, value],
    );
  }

  /** Drops what it remembers of the tables, and the prepared statements. */
  forget(): void {
    this.#statements.clear();
    this.plans.forget();
    this.#quarantine.recount();
    this.#traffic.clear();
  }

  #insertEvent(meta: Extract<RecordMeta, { kind: 'event' }>, body: Buffer): InboxOutcome {
    const { plan } = meta;
    if (!insertUnlessDuplicate(this.#statements, meta, body, plan === null ? null : this.plans.idOf(plan))) {
      return 'duplicate';
    }
    this.#traffic.add(meta);
    if (plan === null) {
      return 'ignored';
    }
    if (hasTwin(meta.type)) {
      this.#firedRules.add(meta.id, plan, meta.received_at);
    }
    return 'received';
  }

  #learnOwnNumbers(numbers: readonly string[], at: number): void {
    for (const number of numbers) {
      change(
        this.#statements.get(
          'INSERT INTO our_numbers (number, learned_at) SELECT ?, ? WHERE (SELECT count(*) FROM our_numbers) < ? ON CONFLICT DO NOTHING',
        ),
        [number, at, MAX_OWN_NUMBERS],
      );
    }
  }
}
