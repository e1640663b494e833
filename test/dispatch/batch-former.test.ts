import { formBatch, type Candidate, type FormedBatch } from '../../src/dispatch/batch-former';
import type { Plan } from '../../src/rules/plan';
import { eventOf } from '../events/event-of';
import { planOf } from '../inbox/entries';

const repeatable = planOf('log');
const limited: Plan = {
  ruleset: 'x',
  rules: planOf('text').rules.map((rule) => ({
    ...rule,
    limits: { cooldown: null, max: { count: 1, every: 'day', per: null } },
  })),
};

function waiting(...plans: Plan[]): Candidate[] {
  return plans.map((plan, index) => ({ seq: index + 1, event: eventOf({ id: `c${index + 1}` }), plan }));
}

function seqs(batch: FormedBatch<Candidate> | null): number[] | null {
  return batch === null ? null : batch.events.map(({ seq }) => seq);
}

test('takes up to fifty events in the order of their arrival', () => {
  const found = seqs(formBatch(waiting(...Array.from({ length: 120 }, () => repeatable))));
  expect(found).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
});

test('leaves out events that may not be in a batch, and looks no further than a hundred', () => {
  expect(seqs(formBatch(waiting(repeatable, limited, repeatable, repeatable, limited, repeatable)))).toEqual([
    1, 3, 4, 6,
  ]);
  expect(formBatch(waiting(repeatable, limited, repeatable, limited))?.alone.map(({ seq }) => seq)).toEqual([2, 4]);
  const far = [repeatable, repeatable, repeatable, ...Array.from({ length: 97 }, () => limited), repeatable];
  expect(formBatch(waiting(...far))).toMatchObject({ isTooSmall: true, isFull: true });
  expect(seqs(formBatch(waiting(...far)))).toEqual([1, 2, 3]);
});

test('the first event is in it, or there is no batch', () => {
  expect(formBatch(waiting(limited, repeatable, repeatable, repeatable, repeatable))).toBeNull();
  expect(formBatch([])).toBeNull();
});

test('a few events are cheaper alone', () => {
  expect(formBatch(waiting(repeatable, repeatable, repeatable))?.isTooSmall).toBe(true);
  expect(formBatch(waiting(repeatable, repeatable, repeatable, repeatable))?.isTooSmall).toBe(false);
});

test('a batch is full when no event that comes later could be in it', () => {
  const many = (count: number, plan: Plan) => Array.from({ length: count }, () => plan);
  const isFull = (...plans: Plan[]) => formBatch(waiting(...plans))?.isFull;
  expect([isFull(...many(49, repeatable)), isFull(...many(50, repeatable))]).toEqual([false, true]);
  expect(isFull(repeatable, ...many(98, limited))).toBe(false);
  expect(isFull(repeatable, ...many(99, limited))).toBe(true);
});

test('the event ids fit in one search attribute', () => {
  const long = Array.from({ length: 50 }, (_, index) => ({
    seq: index + 1,
    event: eventOf({ id: `${'x'.repeat(120)}-${index}` }),
    plan: repeatable,
  }));
  const { events, isFull } = formBatch(long) ?? { events: [], isFull: false };
  expect([events.length > 10, isFull]).toEqual([true, true]);
  expect(Buffer.byteLength(JSON.stringify(events.map(({ event }) => event.event_id)))).toBeLessThan(2_048);
});

test('the input fits in one run: large events end the batch, the largest get a run of their own', () => {
  const sized = (seq: number, kilobytes: number): Candidate => ({
    seq,
    event: eventOf({ id: `c${seq}`, data: { id: `c${seq}`, text: 'x'.repeat(kilobytes * 1_024) } }),
    plan: repeatable,
  });
  const batch = formBatch(Array.from({ length: 20 }, (_, index) => sized(index + 1, 200)));
  expect([seqs(batch), batch?.isFull]).toEqual([[1, 2, 3, 4, 5], true]);
  expect(seqs(formBatch([sized(1, 1), sized(2, 300), sized(3, 1), sized(4, 1), sized(5, 1)]))).toEqual([1, 3, 4, 5]);
  expect(formBatch([sized(1, 300), sized(2, 1), sized(3, 1), sized(4, 1), sized(5, 1)])).toBeNull();
});
