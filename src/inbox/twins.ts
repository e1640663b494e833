/**
 * VoIPBIN announces one message by two events, `message_created` and `conversation_message_created`, with the same
 * `data.id` (reference voipbin.md 1 f). Each is the other's twin. A rule fires once for a message, whichever event
 * comes first.
 */
import { z } from 'zod';
import { all, change } from '../storage/sqlite';
import type { StatementCache } from '../storage/statement-cache';
import { hashPlanJson, type HashedPlan } from './archive/plans';

/** Types of events that announce the same message. */
export const TWIN_TYPES: ReadonlySet<string> = new Set(['message_created', 'conversation_message_created']);

/** Whether events of this type have a twin. */
export function hasTwin(type: string): boolean {
  return TWIN_TYPES.has(type);
}

const storedPlan = z.looseObject({ rules: z.array(z.looseObject({ name: z.string() })) });
const firedRow = z.object({ rule: z.string() });

/** Names of the rules in a stored plan. */
export function ruleNamesIn({ json }: HashedPlan): string[] {
  return storedPlan.parse(JSON.parse(json)).rules.map(({ name }) => name);
}

/**
 * A message's plan without the rules that its twin fired.
 * @returns null when no rule is left.
 */
export function withoutFiredRules(plan: HashedPlan, fired: ReadonlySet<string>): HashedPlan | null {
  const parsed = storedPlan.parse(JSON.parse(plan.json));
  const rules = parsed.rules.filter(({ name }) => !fired.has(name));
  if (rules.length === parsed.rules.length) {
    return plan;
  }
  return rules.length === 0 ? null : hashPlanJson(JSON.stringify({ ...parsed, rules }));
}

/** The table of rules that a message or its twin fired. Use it inside the transaction that inserts the event. */
export class FiredRules {
  constructor(private readonly statements: StatementCache) {}

  /** Names of the rules that fired for a message. */
  of(messageId: string): Set<string> {
    return new Set(
      all(this.statements.get('SELECT rule FROM fired WHERE twin = ?'), [messageId]).map(
        (row) => firedRow.parse(row).rule,
      ),
    );
  }

  /** Records that a message fires the rules of a plan. @param at epoch milliseconds. */
  add(messageId: string, plan: HashedPlan, at: number): void {
    for (const rule of ruleNamesIn(plan)) {
      change(this.statements.get('INSERT INTO fired (twin, rule, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING'), [
        messageId,
        rule,
        at,
      ]);
    }
  }
}
