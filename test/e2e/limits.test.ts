import { randomUUID } from 'node:crypto';
import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import type { CanonicalEvent } from '../../src/events/canonical-event';
import type { PlannedLimits } from '../../src/rules/plan';
import { TemporalClaims } from '../../src/runs/claims';
import { TemporalCooldowns } from '../../src/runs/cooldowns';
import { cooldownWorkflowId, EarlierClaims, limitWorkflowId } from '../../src/runs/earlier-claims';
import { TemporalLimits } from '../../src/runs/limits';
import { CLAIM_WITHIN_LIMIT, COUNT_LIMIT, HOLD_COOLDOWN, TASK_QUEUE } from '../../src/runs/names';
import type { CountLimitInput, HoldCooldownInput } from '../../src/runs/run-contract';
import { eventOf } from '../events/event-of';
import { recordHistory } from '../histories/record';
import { repeated, startWorkflowWorker, type WorkflowWorker } from './workflow-worker';

jest.setTimeout(300_000);

const HASH_KEY = 'key';

function event(number: string): CanonicalEvent {
  return eventOf({ direction: 'inbound', peer: { type: 'tel', number, name: null } });
}

describe('limits, kept in Temporal', () => {
  let worker: WorkflowWorker;
  let client: Client;
  let rule: string;
  let now: Date;

  beforeAll(async () => {
    worker = await startWorkflowWorker();
    ({ client } = worker);
  }, 120_000);

  afterAll(() => worker.stop());

  beforeEach(() => {
    rule = `rule ${randomUUID()}`;
    now = new Date('2026-03-02T20:59:30Z');
  });

  /** A worker's limits of its own, as on another machine. */
  const limits = (): TemporalLimits => {
    const claims = new TemporalClaims(client, HASH_KEY);
    const earlier = new EarlierClaims(client, HASH_KEY);
    return new TemporalLimits(
      claims,
      earlier,
      new TemporalCooldowns(claims, earlier),
      (happened) => happened.peer?.number ?? null,
      () => now,
    );
  };
  const claim = (happened: CanonicalEvent, wanted: Partial<PlannedLimits>, timezone = 'UTC') =>
    repeated(() =>
      limits().claim({ event: happened, rule, timezone, limits: { cooldown: null, max: null, ...wanted } }),
    );
  const within = async (...claims: ReturnType<typeof claim>[]): Promise<number> =>
    (await Promise.all(claims)).filter((result) => result.within).length;

  it('admits one of many concurrent events during a cooldown, and the same event again', async () => {
    const cooldown = { window_ms: 60_000, per: null };
    const events = Array.from({ length: 8 }, () => event('+15550000001'));
    const results = await Promise.all(events.map((happened) => claim(happened, { cooldown })));
    expect(results.filter((result) => result.within)).toHaveLength(1);
    const winner = events[results.findIndex((result) => result.within)];
    expect(winner).toBeDefined();
    expect(await claim(winner ?? event(''), { cooldown })).toEqual({ within: true });
    expect(await claim(event('+15550000002'), { cooldown })).toEqual({
      within: false,
      reason: 'limit: within the cooldown',
    });
  });

  it('counts a cooldown per number', async () => {
    const cooldown = { window_ms: 60_000, per: 'peer.number' };
    expect(
      await within(
        claim(event('+15550000001'), { cooldown }),
        claim(event('+15550000002'), { cooldown }),
        claim(event('+15550000001'), { cooldown }),
      ),
    ).toBe(2);
  });

  it('ends a cooldown after its window', async () => {
    const cooldown = { window_ms: 1_000, per: null };
    expect(await within(claim(event('+15550000001'), { cooldown }))).toBe(1);
    let result = await claim(event('+15550000001'), { cooldown });
    while (!result.within) {
      result = await claim(event('+15550000001'), { cooldown });
    }
    expect(result).toEqual({ within: true });
  });

  it('admits events up to the maximum, also concurrent ones, and counts the same event once', async () => {
    const max = { count: 3, every: 'day' as const, per: null };
    const first = event('+15550000001');
    expect(await within(claim(first, { max }), claim(first, { max }), claim(first, { max }))).toBe(3);
    expect(await within(...Array.from({ length: 6 }, () => claim(event('+15550000001'), { max })))).toBe(2);
    expect(await claim(event('+15550000001'), { max })).toEqual({ within: false, reason: 'limit: 3 per day reached' });
  });

  it("resets at midnight in the rule's time zone", async () => {
    const max = { count: 1, every: 'day' as const, per: null };
    const seoul = (): ReturnType<typeof claim> => claim(event('+15550000001'), { max }, 'Asia/Seoul');
    now = new Date('2026-03-02T14:59:00Z');
    expect([(await seoul()).within, (await seoul()).within]).toEqual([true, false]);
    now = new Date('2026-03-02T15:01:00Z');
    expect((await seoul()).within).toBe(true);
  });

  it('releases the cooldown when the maximum is reached', async () => {
    const max = { count: 1, every: 'hour' as const, per: null };
    const cooldown = { window_ms: 60_000, per: 'peer.number' };
    expect(await claim(event('+15550000001'), { max, cooldown })).toEqual({ within: true });
    const refused = event('+15550000002');
    expect(await claim(refused, { max, cooldown })).toMatchObject({ within: false });
    now = new Date('2026-03-02T21:00:30Z');
    let result = await claim(refused, { max, cooldown });
    while (!result.within) {
      result = await claim(refused, { max, cooldown });
    }
    expect(result).toEqual({ within: true });
  });

  describe('beside what an earlier version counted', () => {
    const cooldown = { window_ms: 60_000, per: null };
    const max = { count: 2, every: 'day' as const, per: null };
    const subject = (): string => JSON.stringify([rule, null, null]);
    const ownerOf = (happened: CanonicalEvent): string => `${happened.event_id}/${rule}`;

    /** Waits until Temporal lists the earlier version's workflow. */
    const isListed = async (workflowId: string): Promise<void> => {
      let count = 0;
      while (count === 0) {
        ({ count } = await client.workflow.count(`WorkflowId = '${workflowId}' AND ExecutionStatus = 'Running'`));
      }
    };

    /** Claims a cooldown as the earlier version did. */
    const holdCooldown = async (happened: CanonicalEvent): Promise<string> => {
      const workflowId = cooldownWorkflowId(`rule ${subject()}`, HASH_KEY);
      const input: HoldCooldownInput = { window_ms: 60_000 };
      await client.workflow.start(HOLD_COOLDOWN, {
        workflowId,
        taskQueue: TASK_QUEUE,
        args: [input],
        memo: { owner: ownerOf(happened) },
      });
      await isListed(workflowId);
      return workflowId;
    };

    /** Counts a claim as the earlier version did. */
    const countLimit = async (happened: CanonicalEvent): Promise<string> => {
      const workflowId = limitWorkflowId(subject(), '2026-03-02', HASH_KEY);
      const input: CountLimitInput = { max: max.count, keep_ms: 26 * 3_600_000, owners: [] };
      const start = new WithStartWorkflowOperation(COUNT_LIMIT, {
        workflowId,
        taskQueue: TASK_QUEUE,
        args: [input],
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
      const update = { args: [ownerOf(happened)] as [string], startWorkflowOperation: start };
      expect(await client.workflow.executeUpdateWithStart(CLAIM_WITHIN_LIMIT, update)).toBe(true);
      await isListed(workflowId);
      return workflowId;
    };

    it('respects a cooldown, for its owner too, and releases it', async () => {
      const owner = event('+15550000001');
      const workflowId = await holdCooldown(owner);
      expect(await claim(event('+15550000001'), { cooldown })).toMatchObject({ within: false });
      expect(await claim(owner, { cooldown })).toEqual({ within: true });
      // The maximum of the other event is used up, which releases the cooldown.
      const other = { count: 1, every: 'hour' as const, per: null };
      expect(await claim(event('+15550000002'), { max: other })).toEqual({ within: true });
      expect(await claim(owner, { cooldown, max: other })).toMatchObject({ within: false });
      await client.workflow.getHandle(workflowId).result();
      await recordHistory(client, workflowId, 'held-cooldown');
      expect(await claim(event('+15550000003'), { cooldown })).toEqual({ within: true });
    });

    it('counts on where it had begun to count, and begins anew in the next period', async () => {
      const first = event('+15550000001');
      const workflowId = await countLimit(first);
      expect(await claim(first, { max })).toEqual({ within: true });
      expect(await within(...Array.from({ length: 5 }, () => claim(event('+15550000001'), { max })))).toBe(1);
      await recordHistory(client, workflowId, 'counted-limit');
      now = new Date('2026-03-03T00:00:30Z');
      expect(await within(...Array.from({ length: 5 }, () => claim(event('+15550000001'), { max })))).toBe(2);
    });
  });
});
