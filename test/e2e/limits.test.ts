import { randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import pino from 'pino';
import type { CanonicalEvent } from '../../src/events/canonical-event';
import type { PlannedLimits } from '../../src/rules/plan';
import { TemporalCooldowns } from '../../src/runs/cooldowns';
import { TemporalLimits } from '../../src/runs/limits';
import { TASK_QUEUE } from '../../src/runs/names';
import { installRuntime } from '../../src/worker/create-worker';
import { eventOf } from '../events/event-of';
import { newNamespace } from './temporal-server';

jest.setTimeout(30_000);

function event(number: string): CanonicalEvent {
  return eventOf({ direction: 'inbound', peer: { type: 'tel', number, name: null } });
}

describe('limits, kept in Temporal', () => {
  let connection: NativeConnection;
  let worker: Worker;
  let working: Promise<void>;
  let client: Client;
  let rule: string;
  let now: Date;

  beforeAll(async () => {
    installRuntime(pino({ level: 'silent' }));
    const { address, namespace } = await newNamespace();
    connection = await NativeConnection.connect({ address });
    client = new Client({ connection, namespace });
    worker = await Worker.create({
      connection,
      namespace,
      taskQueue: TASK_QUEUE,
      workflowBundle: await bundleWorkflowCode({
        workflowsPath: require.resolve('../../workflows/workflows'),
        logger: new DefaultLogger('ERROR'),
      }),
    });
    working = worker.run();
  }, 60_000);

  afterAll(async () => {
    worker.shutdown();
    await working;
    await connection.close();
  });

  beforeEach(() => {
    rule = `rule ${randomUUID()}`;
    now = new Date('2026-03-02T20:59:30Z');
  });

  /** A worker's limits of its own, as on another machine. */
  const limits = (): TemporalLimits =>
    new TemporalLimits(
      client,
      new TemporalCooldowns(client, 'key'),
      'key',
      (happened) => happened.peer?.number ?? null,
      () => now,
    );
  const claim = (happened: CanonicalEvent, wanted: Partial<PlannedLimits>, timezone = 'UTC') =>
    limits().claim({ event: happened, rule, timezone, limits: { cooldown: null, max: null, ...wanted } });
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
});
