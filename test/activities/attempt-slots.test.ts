import { AttemptSlots } from '../../activities/attempt-slots';

const NEVER = new AbortController().signal;

describe('the slots for attempts', () => {
  it('are as many as there are', () => {
    const slots = new AttemptSlots(2);
    expect([slots.acquireNow(), slots.acquireNow(), slots.acquireNow()]).toEqual([true, true, false]);
    slots.release();
    expect(slots.acquireNow()).toBe(true);
  });

  it('go to whoever waits longest', async () => {
    const slots = new AttemptSlots(1);
    slots.acquireNow();
    const got: string[] = [];
    const waiting = ['first', 'second'].map((name) => slots.acquire(NEVER).then(() => got.push(name)));
    slots.release();
    await waiting[0];
    expect(got).toEqual(['first']);
    expect(slots.acquireNow()).toBe(false);
    slots.release();
    await waiting[1];
    expect(got).toEqual(['first', 'second']);
  });

  it('are not kept by those who gave up', async () => {
    const slots = new AttemptSlots(1);
    slots.acquireNow();
    const impatient = new AbortController();
    const given = slots.acquire(impatient.signal);
    impatient.abort();
    expect(await given).toBe(false);
    slots.release();
    expect(await slots.acquire(NEVER)).toBe(true);
    expect(await slots.acquire(impatient.signal)).toBe(false);
  });
});
