import { ConnectionGate } from '../../activities/connection-gate';
import { runUnlessParked, type Parking } from '../../activities/guarded-attempt';
import { ActionError } from '../../src/connectors/action-error';
import type { ErrorClass } from '../../src/errors/step-errors';
import type { Release } from '../../src/runs/parking-contract';
import type { StepResult } from '../../src/runs/run-contract';

const PROBLEM = { code: 'http_401' as const, message: 'the token was revoked', remedy: 'Make a new one.' };
const DONE: StepResult = { outcome: 'done', result: {} };

function error(errorClass: ErrorClass, connection = 'crm'): ActionError {
  return new ActionError(errorClass, PROBLEM.message, { connection, code: PROBLEM.code, remedy: PROBLEM.remedy });
}

/** Queues in memory; test/e2e/parked-connections.test.ts uses Temporal's. */
class TestParking implements Parking {
  readonly checkQueueEveryMs = 600_000;
  readonly calls: string[] = [];
  readonly parked = new Set<string>();
  isUnavailable = false;

  async park(connection: string): Promise<void> {
    this.#record(`park ${connection}`);
    this.parked.add(connection);
  }

  async enqueue(connection: string): Promise<boolean> {
    this.#record(`enqueue ${connection}`);
    return this.parked.has(connection);
  }

  async reportWorking(connection: string): Promise<void> {
    this.#record(`report ${connection}`);
  }

  async reportProbeOver(connection: string): Promise<void> {
    this.#record(`over ${connection}`);
  }

  #record(call: string): void {
    if (this.isUnavailable) {
      throw new Error('Temporal is unavailable');
    }
    this.calls.push(call);
  }
}

describe('an attempt of a step', () => {
  let parking: TestParking;
  let connections: Map<string, { gate: ConnectionGate }>;
  let requests: number;

  beforeEach(() => {
    parking = new TestParking();
    connections = new Map([
      ['crm', { gate: new ConnectionGate() }],
      ['mail', { gate: new ConnectionGate() }],
    ]);
    requests = 0;
  });

  const gate = (name: string): ConnectionGate => connections.get(name)?.gate ?? new ConnectionGate();
  const park = (name: string): void => {
    gate(name).park(PROBLEM);
    parking.parked.add(name);
  };
  const attempt = (
    ends: StepResult | ActionError,
    release: Release | null = null,
    uses: [string, ...string[]] = ['crm'],
  ): Promise<StepResult> =>
    runUnlessParked(
      {
        gates: connections,
        uses,
        step: { run: 'r', step: 'a/b', began_at: '2026-03-02T01:00:00.000Z' },
        release,
        parking,
        log: { info: () => undefined, warn: () => undefined },
      },
      async () => {
        requests += 1;
        if (ends instanceof ActionError) {
          throw ends;
        }
        return ends;
      },
    );
  const releaseOf = (probe: boolean, connection = 'crm'): Release => ({ step: 'a/b', connection, probe });

  it('runs while its connections work; other error classes do not park them', async () => {
    await expect(attempt(DONE)).resolves.toEqual(DONE);
    for (const errorClass of ['transient', 'permanent', 'ambiguous'] as const) {
      await expect(attempt(error(errorClass))).rejects.toMatchObject({ errorClass });
    }
    expect([parking.calls, gate('crm').problem]).toEqual([[], null]);
  });

  it('joins the queue when the credential fails, and parks the gate', async () => {
    await expect(attempt(error('credential'))).rejects.toMatchObject({
      errorClass: 'credential',
      detail: { code: 'http_401', retryAfterMs: 600_000 },
    });
    expect([parking.calls, gate('crm').problem]).toEqual([['park crm'], PROBLEM]);
  });

  it('joins the queue of the part that refused it, and leaves the rest of the connection alone', async () => {
    const refusal = error('credential');
    const parts = new ActionError(refusal.errorClass, refusal.message, { ...refusal.detail, part: 'owners' });
    connections.set('crm/owners', { gate: new ConnectionGate() });
    await expect(attempt(parts)).rejects.toMatchObject({ detail: { connection: 'crm/owners' } });
    expect([parking.calls, gate('crm').problem, gate('crm/owners').problem]).toEqual([
      ['park crm/owners'],
      null,
      PROBLEM,
    ]);
    await expect(attempt(DONE)).resolves.toEqual(DONE);
    await attempt(DONE, releaseOf(true, 'crm/owners'));
    expect([parking.calls.at(-1), gate('crm/owners').problem]).toEqual(['report crm/owners', null]);
  });

  it('is held back without a request while the gate is parked, with the original error', async () => {
    park('crm');
    await expect(attempt(DONE)).rejects.toMatchObject({
      errorClass: 'credential',
      message: PROBLEM.message,
      detail: { connection: 'crm', code: 'http_401', remedy: PROBLEM.remedy },
    });
    expect([requests, parking.calls]).toEqual([0, ['enqueue crm']]);
  });

  it('opens a parked gate whose queue does not exist', async () => {
    gate('crm').park(PROBLEM);
    await expect(attempt(DONE)).resolves.toEqual(DONE);
    expect(gate('crm').problem).toBeNull();
  });

  it('passes a parked gate after its release; success opens the gate, and is reported for a probe', async () => {
    park('crm');
    await attempt(DONE, releaseOf(true));
    expect([parking.calls, gate('crm').problem]).toEqual([['report crm'], null]);
    park('crm');
    await attempt(DONE, releaseOf(false));
    expect([parking.calls, gate('crm').problem]).toEqual([['report crm'], null]);
  });

  it.each([
    ['was skipped', { outcome: 'skipped', reason: 'cooldown' }, ['over crm']],
    ['failed with a permanent error', error('permanent'), ['over crm']],
    // Its retries are no probes, and those of others would not fare better.
    ['failed with a transient error', error('transient'), []],
    // Each further one could leave another effect to a person.
    ['failed with a lost answer', error('ambiguous'), []],
  ] as const)('leaves the gate when it %s, and lets the next try only if it is over', async (_, ends, calls) => {
    park('crm');
    await attempt(ends, releaseOf(true)).catch(() => undefined);
    expect([parking.calls, gate('crm').problem]).toEqual([calls, PROBLEM]);
    await attempt(ends, releaseOf(false)).catch(() => undefined);
    expect(parking.calls).toEqual(calls);
  });

  it('ends as it does when the queue cannot be told that it is over', async () => {
    park('crm');
    parking.isUnavailable = true;
    await expect(attempt(error('permanent'), releaseOf(true))).rejects.toMatchObject({ errorClass: 'permanent' });
    await expect(attempt({ outcome: 'skipped', reason: 'cooldown' }, releaseOf(true))).resolves.toMatchObject({
      outcome: 'skipped',
    });
  });

  it('does not open the gate when it began before the connection was parked', async () => {
    const early = runUnlessParked(
      {
        gates: connections,
        uses: ['crm'],
        step: { run: 'r', step: 'a/b', began_at: '' },
        release: null,
        parking,
        log: { info: () => undefined, warn: () => undefined },
      },
      async () => {
        await attempt(error('credential')).catch(() => undefined);
        return DONE;
      },
    );
    await expect(early).resolves.toEqual(DONE);
    expect(gate('crm').problem).toEqual(PROBLEM);
  });

  it('parks the connection that failed, and is held back by every connection that it uses', async () => {
    await expect(attempt(error('credential', 'mail'))).rejects.toMatchObject({ detail: { connection: 'mail' } });
    expect([parking.calls, gate('crm').problem, gate('mail').problem]).toEqual([['park mail'], null, PROBLEM]);
    await expect(attempt(DONE)).resolves.toEqual(DONE);
    await expect(attempt(DONE, null, ['crm', 'mail'])).rejects.toMatchObject({ detail: { connection: 'mail' } });
    await expect(attempt(DONE, releaseOf(true, 'mail'), ['crm', 'mail'])).resolves.toEqual(DONE);
    expect(gate('mail').problem).toBeNull();
  });

  it('parks its own connection when the failed one is unknown', async () => {
    await expect(attempt(error('credential', 'elsewhere'))).rejects.toMatchObject({ detail: { connection: 'crm' } });
    expect(parking.calls).toEqual(['park crm']);
  });

  it('fails with a transient error when the queue does not answer', async () => {
    parking.isUnavailable = true;
    await expect(attempt(error('credential'))).rejects.toMatchObject({
      errorClass: 'transient',
      detail: { code: 'line_unavailable' },
    });
    expect(gate('crm').problem).toBeNull();
    park('crm');
    await expect(attempt(DONE)).rejects.toMatchObject({
      errorClass: 'transient',
      detail: { code: 'line_unavailable' },
    });
    expect(requests).toBe(1);
  });

  it('is done even when its success cannot be reported to the queue', async () => {
    park('crm');
    parking.isUnavailable = true;
    await expect(attempt(DONE, releaseOf(true))).resolves.toEqual(DONE);
  });
});
