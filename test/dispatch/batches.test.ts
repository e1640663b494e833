import { Batches } from '../../src/dispatch/batches';
import type { PendingEvent } from '../../src/dispatch/pending-events';
import type { BegunBatch } from '../../src/dispatch/run-log';
import { eventOf } from '../events/event-of';
import { planOf } from '../inbox/entries';

const pending = (seq: number, id = `c${seq}`): PendingEvent => ({ seq, event: eventOf({ id }), plan: planOf('log') });

/** Batches of which one was begun, with these events, when the process died. */
function restarted(begun: readonly PendingEvent[], inbox: readonly PendingEvent[]): Batches {
  const members = begun.map(({ seq, event }) => ({ seq, event_id: event.event_id }));
  const batch: BegunBatch = { id: 'batch/1-4/00', members };
  const runLog = { begunBatches: () => [batch], beginBatch: () => undefined, dropBatch: () => undefined };
  const batches = new Batches(
    { ...runLog, receiver: () => 1 },
    { pendingAfter: (after, limit) => inbox.filter(({ seq }) => seq > after).slice(0, limit) },
  );
  batches.load(() => false);
  return batches;
}

test('a batch that was begun is started again with the events of its members, also those off the page', () => {
  const events = [1, 2, 3, 4].map((seq) => pending(seq));
  const [first] = events;
  const again = first === undefined ? null : restarted(events, events).begun(first, events.slice(0, 2));
  expect(again).toMatchObject({ id: 'batch/1-4/00', events });
});

test('events that have the places of its members in another inbox are none of it', () => {
  const begun = [1, 2, 3, 4].map((seq) => pending(seq));
  const others = [pending(1, 'other'), pending(2), pending(3, 'another')];
  const batches = restarted(begun, others);
  expect(others.map((each) => batches.begun(each, others)?.events ?? null)).toEqual([null, [others[1]], null]);
});
