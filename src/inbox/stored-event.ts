import { z } from 'zod';
import { EVENT_PARTS, LEGS, type CanonicalEvent, type Party } from '../events/canonical-event';
import type { Plan } from '../rules/plan';

/** A canonical event without its payload, which is stored once, as the raw body. */
export type EventHead = Omit<CanonicalEvent, 'data'>;

/** The content type of an event whose content was removed by `bridge forget`. */
export const FORGOTTEN_CONTENT_TYPE = 'application/json; content=forgotten';

/** An event for the inbox. */
export interface InboxEntry {
  event: EventHead;
  /** The request's body exactly as received: the envelope `{type, data}`. */
  body: Buffer;
  /** The request's content type; null when it had none. */
  content_type: string | null;
  /** Hash of the rule set that it was matched with. */
  ruleset: string | null;
  /** What is to be done; null, or without rules, when no rule matched. */
  plan: Plan | null;
}

/**
 * The outcome of an append: `received` (stored, to be dispatched), `ignored` (stored, nothing to do), `duplicate` (the
 * inbox has an event with this id; nothing is stored).
 */
export type InboxOutcome = 'received' | 'ignored' | 'duplicate';

/** A stored event in lists: without its payload and plan. */
export interface EventSummary {
  /** The order of arrival in this inbox; grows, with gaps. */
  seq: number;
  event: EventHead;
  outcome: 'received' | 'ignored';
  /** Names of the rules of its plan; empty for an ignored event. */
  rules: readonly string[];
  /** Hash of the rule set that it was matched with; null when an earlier version stored none. */
  ruleset: string | null;
  /** Size of the body in bytes. */
  bytes: number;
}

/** A rule set, and the events that were matched with it. Times are RFC 3339. */
export interface RuleSetUse {
  ruleset: string | null;
  first_at: string;
  last_at: string;
  events: number;
  /** How many of them matched a rule. */
  received: number;
}

/** A whole stored event. */
export interface StoredEvent {
  seq: number;
  event: CanonicalEvent;
  /** As in {@link EventSummary}. */
  ruleset: string | null;
  /** Byte for byte as received. */
  body: Buffer;
  content_type: string | null;
  /** What the run does, without rules that the event's twin fired first; null when there was nothing to do. */
  plan: Plan | null;
}

/** A request that is not an event, in lists. */
export interface QuarantineSummary {
  /** 16 hex characters of the body's SHA-256: the same body is stored once. */
  id: string;
  /** When it came the last time. */
  received_at: string;
  /** Why it is not an event: a short code and a sentence of ours, never content. */
  reason: string;
  content_type: string | null;
  bytes: number;
  /** How often this very body came. */
  times: number;
}

/** A whole quarantined request. */
export interface Quarantined extends QuarantineSummary {
  body: Buffer;
}

// A member that is absent is null: `headJson` leaves it out.
const text = z.string().nullable().default(null);
const number = z.number().nullable().default(null);
const flag = z.boolean().nullable().default(null);
const direction = z.enum(['inbound', 'outbound']).nullable().default(null);
const party = z.object({ type: z.string(), number: text, name: text }).nullable().default(null);

const eventHead: z.ZodType<EventHead> = z.object({
  type: z.string(),
  declared_type: z.string(),
  event_id: z.string(),
  id: z.string(),
  customer_id: text,
  occurred_at: z.string(),
  received_at: z.string(),
  direction,
  peer: party,
  ours: party,
  answered: flag,
  ring_s: number,
  talk_s: number,
  duration_s: number,
  hangup_by: text,
  reason: text,
  text,
  status: text,
  recording_ready: flag,
  call_id: text,
  root_call_id: text,
  picked_up: flag,
  leg: z.enum(LEGS).nullable().default(null),
  agent: z.object({ id: z.string(), name: text, username: text }).nullable().default(null),
  call: z
    .object({
      direction,
      peer: party,
      ours: party,
      answered: flag,
      talk_s: number,
      duration_s: number,
      reason: text,
    })
    .nullable()
    .default(null),
  pending: z.array(z.enum(EVENT_PARTS)).optional(),
});

const rulesetOf = z.object({ ruleset: text });

/** The columns that hold an event's head. `received_at` is in epoch milliseconds. */
export interface StoredHead {
  event_id: string;
  type: string;
  received_at: number;
  /** What the other columns do not have, as {@link headJson} or an earlier version wrote it. */
  head: string;
}

/**
 * Reads an event's head, and the hash of the rule set that it was matched with; null when an earlier version stored none.
 * @throws SyntaxError or ZodError when the row is damaged.
 */
export function readHead({ event_id, type, received_at, head }: StoredHead): {
  event: EventHead;
  ruleset: string | null;
} {
  const kept = z.record(z.string(), z.unknown()).parse(JSON.parse(head));
  const columns = { event_id, type, declared_type: type, received_at: new Date(received_at).toISOString() };
  return { event: eventHead.parse({ ...columns, ...kept }), ruleset: rulesetOf.parse(kept).ruleset };
}

/**
 * What is stored of an event's head besides its columns, and of its rule set: JSON. Written member by member, so that no
 * other member of the event gets into it.
 *
 * Small on purpose. A page of SQLite has 4 KB. With all members, the event of an ended call took a little more than half of
 * it, so each had a page for itself: the inbox was twice as large, and each commit wrote more.
 */
export function headJson(event: EventHead, ruleset: string | null): string {
  // JSON has no member for undefined.
  const head: { [Member in keyof EventHead]?: unknown } & { ruleset: string | undefined } = {
    declared_type: event.declared_type === event.type ? undefined : event.declared_type,
    id: event.id,
    customer_id: event.customer_id ?? undefined,
    occurred_at: event.occurred_at,
    direction: event.direction ?? undefined,
    peer: withoutNulls(event.peer),
    ours: withoutNulls(event.ours),
    answered: event.answered ?? undefined,
    ring_s: event.ring_s ?? undefined,
    talk_s: event.talk_s ?? undefined,
    duration_s: event.duration_s ?? undefined,
    hangup_by: event.hangup_by ?? undefined,
    reason: event.reason ?? undefined,
    text: event.text ?? undefined,
    status: event.status ?? undefined,
    recording_ready: event.recording_ready ?? undefined,
    call_id: event.call_id ?? undefined,
    root_call_id: event.root_call_id ?? undefined,
    picked_up: event.picked_up ?? undefined,
    leg: event.leg ?? undefined,
    agent: event.agent ?? undefined,
    call: event.call ?? undefined,
    pending: event.pending,
    ruleset: ruleset ?? undefined,
  };
  return JSON.stringify(head);
}

function withoutNulls(party: Party | null): { [Member in keyof Party]: string | undefined } | undefined {
  return party === null
    ? undefined
    : { type: party.type, number: party.number ?? undefined, name: party.name ?? undefined };
}
