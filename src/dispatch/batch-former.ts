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

/**
 * Picks the events of the next batch out of those that wait.
 *
 * Guarantees: the first candidate is in it. Its events are in the order of the candidates; at most 100 candidates are
 * looked at, so an event that may not be in a batch is overtaken by less than 100. The batch is within what Temporal
 * accepts for one run.
 *
 * @param candidates the events that wait, oldest first.
 * @returns null when the first candidate gets a run of its own: it may not be in a batch, or there are too few.
 */
export function formBatch<Event extends Candidate>(candidates: readonly Event[]): Event[] | null {
  const members: Event[] = [];
  const plans = new Set<Plan>();
  let inputBytes = 0;
  let idsBytes = 0;
  for (const candidate of candidates.slice(0, MAX_LOOKED_AT)) {
    const { event, plan } = candidate;
    if (members.length === MAX_BATCH_EVENTS) {
      break;
    }
    const eventBytes = mayBeBatched(plan) ? bytesOf(event) + LABELS_BYTES : Infinity;
    if (eventBytes > MAX_EVENT_BYTES) {
      if (members.length === 0) {
        return null;
      }
      continue;
    }
    inputBytes += eventBytes + (plans.has(plan) ? 0 : bytesOf(plan));
    idsBytes += Buffer.byteLength(event.event_id) + BESIDE_ID_BYTES;
    if (inputBytes > MAX_BATCH_BYTES || idsBytes > MAX_BATCH_ID_BYTES) {
      break;
    }
    members.push(candidate);
    plans.add(plan);
  }
  return members.length < MIN_EVENTS ? null : members;
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
