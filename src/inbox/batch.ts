import type { Plan } from '../rules/plan';
import { hashedPlan, type HashedPlan } from './inbox-writes';
import { headJson, type InboxEntry } from './stored-event';
import type { Batch, Write } from './writer-messages';

/** A request that is no event. */
export interface QuarantineEntry {
  /** A short code and a sentence of ours, never content. */
  reason: string;
  received_at: Date;
  content_type: string | null;
  body: Buffer;
}

/** A write with what goes beside it. */
export interface PreparedWrite {
  write: Write;
  /** Null where the write has none. */
  body: Buffer | null;
  plan: HashedPlan | null;
}

/** Plans are objects that events share (`RuleSet.plan`), so each is turned into text once. */
const hashed = new WeakMap<Plan, HashedPlan>();

/** An event, to be kept. */
export function appendOf({ event, body, content_type, ruleset, plan }: InboxEntry): PreparedWrite {
  const toDo = plan === null || plan.rules.length === 0 ? null : hashOf(plan);
  return {
    write: {
      kind: 'append',
      event_id: event.event_id,
      type: event.type,
      id: event.id,
      received_at: Date.parse(event.received_at),
      plan: toDo?.hash ?? null,
      content_type,
      head: headJson(event, ruleset),
      bytes: body.length,
    },
    body,
    plan: toDo,
  };
}

/** A request that is no event, to be kept apart. */
export function quarantineOf({ reason, received_at, content_type, body }: QuarantineEntry): PreparedWrite {
  return { write: { kind: 'quarantine', reason, received_at: received_at.getTime(), content_type, bytes: body.length }, body, plan: null };
}

/** Numbers that we have sent from, to be remembered. */
export function ourNumbersOf(numbers: readonly string[], now: Date): PreparedWrite {
  return { write: { kind: 'our_numbers', numbers, learned_at: now.getTime() }, body: null, plan: null };
}

/** Puts writes together for the writer's thread. The bodies are copied into memory of their own, which can be handed over as it is. */
export function batchOf(prepared: readonly PreparedWrite[]): Batch {
  const bodies = new ArrayBuffer(prepared.reduce((sum, { body }) => sum + (body?.length ?? 0), 0));
  const room = Buffer.from(bodies);
  const plans = new Map<string, string>();
  let at = 0;
  for (const { body, plan } of prepared) {
    at += body?.copy(room, at) ?? 0;
    if (plan !== null) {
      plans.set(plan.hash, plan.json);
    }
  }
  return { writes: prepared.map(({ write }) => write), bodies, plans };
}

function hashOf(plan: Plan): HashedPlan {
  let known = hashed.get(plan);
  if (known === undefined) {
    known = hashedPlan(JSON.stringify(plan));
    hashed.set(plan, known);
  }
  return known;
}
