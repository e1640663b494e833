import type { CanonicalEvent } from '../events/canonical-event';
import type { Plan } from '../rules/plan';
import { MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_BATCH_ID_BYTES, mayBeBatched } from '../runs/batch-contract';

/** Fewer cost less as single runs: a batch needs a regular activity, a run with one step none. */
const MIN_EVENTS = 4;
/**
 * Events that are looked at for one batch. Those of them that may not be in it are started after it: so many events at
 * the most overtake them.
 */
const MAX_LOOKED_AT = 2 * MAX_BATCH_EVENTS;
/** A larger event would fill a batch: it gets its own run. Events up to this size go into a run unchanged (`fitForRun`). */
const MAX_EVENT_BYTES = MAX_BATCH_BYTES / 4;
/** What the input of a batch has of an event besides the event itself, such as the labels of its own run. */
const LABELS_BYTES = 1_024;
/** Quotes and a comma: the event ids are one search attribute, a JSON array. */
const BESIDE_ID_BYTES = 3;

/** What is known of an event before it is started. */
export interface Candidate {
  seq: number;
  event: CanonicalEvent;
  plan: Plan;
}

/** The events of the next batch, as they are known now. */
export interface FormedBatch<Event> {
  events: Event[];
  /** Whether no event that comes later could be in it: it is at a limit, or as many were looked at as may be. */
  isFull: boolean;
  /** Whether its events cost less in runs of their own. */
  isTooSmall: boolean;
  /** Those that were looked at and get a run of their own, as they may not be in any batch. */
  alone: Event[];
}

/**
 * Picks the events of the next batch out of those that wait.
 *
 * Guarantees: the first candidate is in it. Its events are in the order of the candidates; at most 100 candidates are
 * looked at, so an event that may not be in a batch is overtaken by less than 100. The batch is within what Temporal
 * accepts for one run.
 *
 * @param candidates the events that wait, oldest first.
 * @returns null when the first candidate may not be in a batch, or there is none.
 */
export function formBatch<Event extends Candidate>(candidates: readonly Event[]): FormedBatch<Event> | null {
  const events: Event[] = [];
  const alone: Event[] = [];
  const plans = new Set<Plan>();
  let inputBytes = 0;
  let idsBytes = 0;
  let isFull = candidates.length >= MAX_LOOKED_AT;
  for (const candidate of candidates.slice(0, MAX_LOOKED_AT)) {
    const { event, plan } = candidate;
    const eventBytes = mayBeBatched(plan) ? bytesOf(event) + LABELS_BYTES : Infinity;
    if (eventBytes > MAX_EVENT_BYTES) {
      if (events.length === 0) {
        return null;
      }
      alone.push(candidate);
      continue;
    }
    inputBytes += eventBytes + (plans.has(plan) ? 0 : bytesOf(plan));
    idsBytes += Buffer.byteLength(event.event_id) + BESIDE_ID_BYTES;
    if (inputBytes > MAX_BATCH_BYTES || idsBytes > MAX_BATCH_ID_BYTES) {
      isFull = true;
      break;
    }
    events.push(candidate);
    plans.add(plan);
    if (events.length === MAX_BATCH_EVENTS) {
      isFull = true;
      break;
    }
  }
  return events.length === 0 ? null : { events, isFull, isTooSmall: events.length < MIN_EVENTS, alone };
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
