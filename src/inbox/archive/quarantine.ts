import { createHash } from 'node:crypto';
import { z } from 'zod';
import { change, one } from '../../storage/sqlite';
import type { StatementCache } from '../../storage/statement-cache';
import { bodyColumn } from '../duplicates';

/** Bounds of the quarantine. */
export interface QuarantineBounds {
  count: number;
  bytes: number;
}

/** A quarantined request as the archive stores it. */
export interface QuarantineRow {
  id: string;
  reason: string;
  /** Epoch milliseconds. */
  received_at: number;
  content_type: string | null;
  body: Buffer;
}

const heldRow = z.object({ count: z.number(), bytes: z.number() });
const oldestRow = z.object({ n: z.number(), bytes: z.number() });

/** The id of a quarantined body: 16 hex characters of its SHA-256. */
export function quarantineId(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex').slice(0, 16);
}

/** The table of requests that are not events. Use it inside a transaction. */
export class QuarantineTable {
  #held: QuarantineBounds | null = null;

  constructor(
    private readonly statements: StatementCache,
    private readonly bounds: QuarantineBounds,
  ) {}

  /** Adds a request. A body that is there is counted once more. The oldest are deleted to make room. */
  add({ id, reason, received_at: at, content_type, body }: QuarantineRow): void {
    const isRepeated =
      change(this.statements.get('UPDATE quarantine SET times = times + 1, received_at = ?, reason = ? WHERE id = ?'), [
        at,
        reason,
        id,
      ]) > 0;
    if (isRepeated) {
      return;
    }
    change(
      this.statements.get(
        'INSERT INTO quarantine (id, received_at, reason, times, bytes, content_type, body) VALUES (?, ?, ?, 1, ?, ?, ?)',
      ),
      [id, at, reason, body.length, content_type, bodyColumn(body)],
    );
    this.#makeRoom(body.length);
  }

  /** Deletes a request. No effect when it is not there. */
  remove(id: string): void {
    change(this.statements.get('DELETE FROM quarantine WHERE id = ?'), [id]);
    this.recount();
  }

  /** Counts again how much it holds: after a rollback, or when others deleted from it. */
  recount(): void {
    this.#held = null;
  }

  #makeRoom(addedBytes: number): void {
    const held: QuarantineBounds =
      this.#held === null
        ? heldRow.parse(
            one(this.statements.get('SELECT count(*) AS count, coalesce(sum(bytes), 0) AS bytes FROM quarantine')),
          )
        : { count: this.#held.count + 1, bytes: this.#held.bytes + addedBytes };
    while (held.count > 1 && (held.count > this.bounds.count || held.bytes > this.bounds.bytes)) {
      const { n, bytes } = oldestRow.parse(
        one(this.statements.get('SELECT n, bytes FROM quarantine ORDER BY n LIMIT 1')),
      );
      change(this.statements.get('DELETE FROM quarantine WHERE n = ?'), [n]);
      held.count -= 1;
      held.bytes -= bytes;
    }
    this.#held = held;
  }
}
