import { z } from 'zod';
import { EVENT_PARTS, LEGS, type CanonicalEvent } from '../events/canonical-event';
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

const text = z.string().nullable();
const number = z.number().nullable();
const flag = z.boolean().nullable();
const party = z.object({ type: z.string(), number: text, name: text }).nullable();

/** Parses a stored head. */
export const eventHead: z.ZodType<EventHead> = z.object({
  type: z.string(),
  declared_type: z.string(),
  event_id: z.string(),
  id: z.string(),
  customer_id: text,
  occurred_at: z.string(),
  received_at: z.string(),
  direction: z.enum(['inbound', 'outbound']).nullable(),
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
  // Absent in events that earlier versions stored.
  picked_up: flag.optional(),
  leg: z.enum(LEGS).nullish(),
  agent: z.object({ id: z.string(), name: text, username: text }).nullish(),
  call: z
    .object({
      direction: z.enum(['inbound', 'outbound']).nullable(),
      peer: party,
      ours: party,
      answered: flag,
      talk_s: number,
      duration_s: number,
      reason: text,
    })
    .nullish(),
  pending: z.array(z.enum(EVENT_PARTS)).optional(),
});

/**
 * The stored form of an event's head and its rule set: JSON. Written member by member, so that no other
 * member of the event gets into it.
 */
export function headJson(event: EventHead, ruleset: string | null): string {
  const head: EventHead & { ruleset: string | null } = {
    type: event.type,
    declared_type: event.declared_type,
    event_id: event.event_id,
    id: event.id,
    customer_id: event.customer_id,
    occurred_at: event.occurred_at,
    received_at: event.received_at,
    direction: event.direction,
    peer: event.peer,
    ours: event.ours,
    answered: event.answered,
    ring_s: event.ring_s,
    talk_s: event.talk_s,
    duration_s: event.duration_s,
    hangup_by: event.hangup_by,
    reason: event.reason,
    text: event.text,
    status: event.status,
    recording_ready: event.recording_ready,
    call_id: event.call_id,
    root_call_id: event.root_call_id,
    picked_up: event.picked_up,
    leg: event.leg,
    agent: event.agent,
    call: event.call,
    pending: event.pending,
    ruleset,
  };
  return JSON.stringify(head);
}
