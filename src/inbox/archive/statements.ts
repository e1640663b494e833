import { createHash } from 'node:crypto';
import { z } from 'zod';
import { all, change, one, oneNumber, prepare, type Bound, type Prepared, type Store } from '../../storage/sqlite';

/**
 * Types that announce one and the same message under one `data.id` (reference voipbin.md 1 f): a rule fires for one of
 * them only.
 */
export const TWIN_TYPES: ReadonlySet<string> = new Set(['message_created', 'conversation_message_created']);

/** How many plans are remembered as stored; beyond it the memory is emptied and filled anew. */
const REMEMBERED_PLANS = 1_000;

/** How many of our own numbers are kept at most; far more than an account has. */
const MAX_OUR_NUMBERS = 10_000;

/** Bounds of the quarantine. */
export interface QuarantineBounds {
  count: number;
  bytes: number;
}

/** An event as the store takes it. */
export interface EventRow {
  event_id: string;
  type: string;
  /** `data.id`, or what stands for it. */
  id: string;
  /** Epoch milliseconds. */
  received_at: number;
  content_type: string | null;
  /** Its head and the rule set that judged it, as JSON. */
  head: string;
  body: Buffer;
  /** Null when there is nothing to do. */
  plan: HashedPlan | null;
}

/** A quarantined request as the store takes it. */
export interface QuarantineRow {
  id: string;
  reason: string;
  /** Epoch milliseconds. */
  received_at: number;
  content_type: string | null;
  body: Buffer;
}

/** A plan as the store takes it: its JSON, and the SHA-256 of that (hex). */
export interface HashedPlan {
  hash: string;
  json: string;
}

/** Makes a {@link HashedPlan} of a plan's JSON. */
export function hashedPlan(json: string): HashedPlan {
  return { hash: createHash('sha256').update(json).digest('hex'), json };
}

const rulesOf = z.looseObject({ rules: z.array(z.looseObject({ name: z.string() })) });

/** The id of a quarantined body. */
export function quarantineId(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex').slice(0, 16);
}

/** libsql aborts on reading some empty blobs, so an empty body is kept as null. */
function bodyColumn(body: Buffer): Bound {
  return body.length === 0 ? null : body;
}

/**
 * The inbox's prepared writes, on one open store. Every method runs inside a transaction of the caller's; after a
 * rollback the instance's memory of what is stored must be dropped by {@link forget}.
 */
export class InboxWrites {
  readonly #store: Store;
  readonly #statements = new Map<string, Prepared>();
  readonly #planIds = new Map<string, number>();
  #quarantined: QuarantineBounds | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Drops what it believes to be stored, and the prepared statements: a libsql statement that failed once fails ever
   * after.
   */
  forget(): void {
    this.#statements.clear();
    this.#planIds.clear();
    this.#quarantined = null;
  }

  /** The quarantine was changed by others: how much it holds is counted anew. */
  recountQuarantine(): void {
    this.#quarantined = null;
  }

  /**
   * Puts an event in its place; what is there already stays. The rules of a message are noted as fired.
   * @returns whether it was new.
   */
  event({ event_id, type, id, received_at, content_type, head, body, plan }: EventRow): boolean {
    const inserted = change(
      this.#sql(
        'INSERT INTO events (event_id, type, received_at, plan, bytes, content_type, head, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (event_id) DO NOTHING',
      ),
      [
        event_id,
        type,
        received_at,
        plan === null ? null : this.#planId(plan),
        body.length,
        content_type,
        head,
        bodyColumn(body),
      ],
    );
    if (inserted > 0 && plan !== null && TWIN_TYPES.has(type)) {
      for (const rule of rulesOf.parse(JSON.parse(plan.json)).rules) {
        change(this.#sql('INSERT INTO fired (twin, rule, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING'), [
          id,
          rule.name,
          received_at,
        ]);
      }
    }
    return inserted > 0;
  }

  /** Puts what is no event into the quarantine, the oldest making room. */
  quarantine({ id, reason, received_at: at, content_type, body }: QuarantineRow, bounds: QuarantineBounds): void {
    if (
      change(this.#sql('UPDATE quarantine SET times = times + 1, received_at = ?, reason = ? WHERE id = ?'), [
        at,
        reason,
        id,
      ]) > 0
    ) {
      return;
    }
    change(
      this.#sql(
        'INSERT INTO quarantine (id, received_at, reason, times, bytes, content_type, body) VALUES (?, ?, ?, 1, ?, ?, ?)',
      ),
      [id, at, reason, body.length, content_type, bodyColumn(body)],
    );
    this.#makeRoom(body.length, bounds);
  }

  /** The JSON of a plan that an event kept has; null when none has it. */
  storedPlan(hash: string): string | null {
    const row = one(this.#sql('SELECT json FROM plans WHERE hash = ?'), [hash]);
    return row === undefined ? null : z.object({ json: z.string() }).parse(row).json;
  }

  /** Notes numbers that we have sent from. @param at epoch milliseconds. */
  learnOwnNumbers(numbers: readonly string[], at: number): void {
    for (const number of numbers) {
      change(
        this.#sql(
          'INSERT INTO our_numbers (number, learned_at) SELECT ?, ? WHERE (SELECT count(*) FROM our_numbers) < ? ON CONFLICT DO NOTHING',
        ),
        [number, at, MAX_OUR_NUMBERS],
      );
    }
  }

  /** Notes a figure by name, overwriting the earlier one. */
  note(name: 'clean' | 'dispatched' | 'rebuilt' | 'journal_segment' | 'journal_offset', value: number): void {
    change(
      this.#sql('INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value'),
      [name, value],
    );
  }

  #planId({ hash, json }: HashedPlan): number {
    const remembered = this.#planIds.get(hash);
    if (remembered !== undefined) {
      return remembered;
    }
    change(this.#sql('INSERT INTO plans (hash, json) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING'), [hash, json]);
    const id = oneNumber(this.#store, 'SELECT id FROM plans WHERE hash = ?', [hash]);
    if (this.#planIds.size >= REMEMBERED_PLANS) {
      this.#planIds.clear();
    }
    this.#planIds.set(hash, id);
    return id;
  }

  #makeRoom(added: number, bounds: QuarantineBounds): void {
    const held: QuarantineBounds =
      this.#quarantined === null
        ? {
            count: oneNumber(this.#store, 'SELECT count(*) FROM quarantine'),
            bytes: oneNumber(this.#store, 'SELECT coalesce(sum(bytes), 0) FROM quarantine'),
          }
        : { count: this.#quarantined.count + 1, bytes: this.#quarantined.bytes + added };
    while (held.count > 1 && (held.count > bounds.count || held.bytes > bounds.bytes)) {
      const oldest = all(this.#sql('SELECT n, bytes FROM quarantine ORDER BY n LIMIT 1'));
      const [row] = oldest;
      if (
        typeof row !== 'object' ||
        row === null ||
        !('n' in row) ||
        typeof row.n !== 'number' ||
        !('bytes' in row) ||
        typeof row.bytes !== 'number'
      ) {
        break;
      }
      change(this.#sql('DELETE FROM quarantine WHERE n = ?'), [row.n]);
      held.count -= 1;
      held.bytes -= row.bytes;
    }
    this.#quarantined = held;
  }

  #sql(text: string): Prepared {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = prepare(this.#store, text);
      this.#statements.set(text, statement);
    }
    return statement;
  }
}
