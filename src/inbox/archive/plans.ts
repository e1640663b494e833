import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Plan } from '../../rules/plan';
import { change, one } from '../../storage/sqlite';
import type { StatementCache } from '../../storage/statement-cache';

/** A plan as the archive stores it: its JSON, and the SHA-256 of that (hex). */
export interface HashedPlan {
  hash: string;
  json: string;
}

/** Plans whose row ids are remembered; beyond this number they are looked up again. */
const MAX_REMEMBERED = 1_000;

/** Events share plan objects (`RuleSet.plan`), so each is serialized once. */
const hashed = new WeakMap<Plan, HashedPlan>();

/** The stored form of a plan. */
export function hashPlan(plan: Plan): HashedPlan {
  let known = hashed.get(plan);
  if (known === undefined) {
    known = hashPlanJson(JSON.stringify(plan));
    hashed.set(plan, known);
  }
  return known;
}

/** The stored form of a plan that is JSON already. */
export function hashPlanJson(json: string): HashedPlan {
  return { hash: createHash('sha256').update(json).digest('hex'), json };
}

const idRow = z.object({ id: z.number() });
const jsonRow = z.object({ json: z.string() });

/** The table of plans: each is stored once, however many events have it. */
export class PlanTable {
  readonly #ids = new Map<string, number>();

  constructor(private readonly statements: StatementCache) {}

  /** The row id of a plan, which is inserted when it is new. Call it inside a transaction. */
  idOf({ hash, json }: HashedPlan): number {
    const remembered = this.#ids.get(hash);
    if (remembered !== undefined) {
      return remembered;
    }
    change(this.statements.get('INSERT INTO plans (hash, json) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING'), [
      hash,
      json,
    ]);
    const { id } = idRow.parse(one(this.statements.get('SELECT id FROM plans WHERE hash = ?'), [hash]));
    if (this.#ids.size >= MAX_REMEMBERED) {
      this.#ids.clear();
    }
    this.#ids.set(hash, id);
    return id;
  }

  /** The JSON of a stored plan; null when there is none with this hash. */
  jsonOf(hash: string): string | null {
    const row = one(this.statements.get('SELECT json FROM plans WHERE hash = ?'), [hash]);
    return row === undefined ? null : jsonRow.parse(row).json;
  }

  /** Drops the remembered row ids: after a rollback, or when plans were deleted. */
  forget(): void {
    this.#ids.clear();
  }
}
