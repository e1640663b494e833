import { ConnectionGate } from '../../activities/connection-gate';
import { passGates, type Lines } from '../../activities/guarded-attempt';
import { refreshGates } from '../../src/worker/refresh-gates';
import { ActionError, type ErrorClass } from '../../src/connectors/action-error';
import type { GoOn } from '../../src/runs/parking-contract';
import type { StepResult } from '../../src/runs/run-contract';

const PROBLEM = { code: 'http_401', message: 'the token was revoked', remedy: 'Make a new one.' };
const DONE: StepResult = { outcome: 'done', result: {} };

function error(errorClass: ErrorClass, connection = 'crm'): ActionError {
  return new ActionError(errorClass, PROBLEM.message, { connection, code: PROBLEM.code, remedy: PROBLEM.remedy });
}

/** Lines in memory; Temporal itself is in test/e2e/parked-connections.test.ts. */
class TestLines implements Lines {
  readonly askAfterLineMs = 600_000;
  readonly told: string[] = [];
  readonly open = new Set<string>();
  away = false;

  async failed(connection: string): Promise<void> {
    this.#tell(`${connection} failed`);
    this.open.add(connection);
  }

  async heldBack(connection: string): Promise<boolean> {
    this.#tell(`${connection} held back`);
    return this.open.has(connection);
  }

  async works(connection: string): Promise<void> {
    this.#tell(`${connection} works`);
  }

  #tell(what: string): void {
    if (this.away) {
      throw new Error('Temporal is away');
    }
    this.told.push(what);
  }
}

describe('a step before its connections', () => {
  let lines: TestLines;
  let connections: Map<string, { gate: ConnectionGate }>;
  let requests: number;

  beforeEach(() => {
    lines = new TestLines();
    connections = new Map([
      ['crm', { gate: new ConnectionGate() }],
      ['mail', { gate: new ConnectionGate() }],
    ]);
    requests = 0;
  });

  const gate = (name: string): ConnectionGate => connections.get(name)?.gate ?? new ConnectionGate();
  const park = (name: string): void => {
    gate(name).park(PROBLEM);
    lines.open.add(name);
  };
  const attempt = (
    ends: StepResult | ActionError,
    letGo: GoOn | null = null,
    uses: [string, ...string[]] = ['crm'],
  ): Promise<StepResult> =>
    passGates(
      {
        connections,
        uses,
        step: { run: 'r', step: 'a/b', began_at: '2026-03-02T01:00:00.000Z' },
        letGo,
        lines,
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
  const letGo = (probe: boolean, connection = 'crm'): GoOn => ({ step: 'a/b', connection, probe });

  it('passes while they work; failures of other classes change nothing', async () => {
    await expect(attempt(DONE)).resolves.toEqual(DONE);
    for (const errorClass of ['transient', 'permanent', 'ambiguous'] as const) {
      await expect(attempt(error(errorClass))).rejects.toMatchObject({ errorClass });
    }
    expect([lines.told, gate('crm').problem]).toEqual([[], null]);
  });

  it('joins the line when the credential fails, and parks the gate', async () => {
    await expect(attempt(error('credential'))).rejects.toMatchObject({
      errorClass: 'credential',
      detail: { code: 'http_401', retryAfterMs: 600_000 },
    });
    expect([lines.told, gate('crm').problem]).toEqual([['crm failed'], PROBLEM]);
  });

  it('is held back without a request while the gate is parked, with what parked it', async () => {
    park('crm');
    await expect(attempt(DONE)).rejects.toMatchObject({
      errorClass: 'credential',
      message: PROBLEM.message,
      detail: { connection: 'crm', code: 'http_401', remedy: PROBLEM.remedy },
    });
    expect([requests, lines.told]).toEqual([0, ['crm held back']]);
  });

  it('finds a gate parked whose line is gone: it opens', async () => {
    gate('crm').park(PROBLEM);
    await expect(attempt(DONE)).resolves.toEqual(DONE);
    expect(gate('crm').problem).toBeNull();
  });

  it('passes a parked gate on the word of its line, opens it when it is done, and tells the line if it was the probe', async () => {
    park('crm');
    await attempt(DONE, letGo(true));
    expect([lines.told, gate('crm').problem]).toEqual([['crm works'], null]);
    park('crm');
    await attempt(DONE, letGo(false));
    expect([lines.told, gate('crm').problem]).toEqual([['crm works'], null]);
  });

  it.each([
    ['was skipped', { outcome: 'skipped', reason: 'cooldown' }],
    ['failed in passing', error('transient')],
    ['failed for good', error('permanent')],
  ] as const)('proves nothing when it %s: it may not have got to the provider', async (_, ends) => {
    park('crm');
    await attempt(ends, letGo(true)).catch(() => undefined);
    expect([lines.told, gate('crm').problem]).toEqual([[], PROBLEM]);
  });

  it('proves nothing when it began before the connection was parked', async () => {
    const early = passGates(
      {
        connections,
        uses: ['crm'],
        step: { run: 'r', step: 'a/b', began_at: '' },
        letGo: null,
        lines,
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

  it('waits for the connection that failed, which need not be its own, and is held back by any that it uses', async () => {
    await expect(attempt(error('credential', 'mail'))).rejects.toMatchObject({ detail: { connection: 'mail' } });
    expect([lines.told, gate('crm').problem, gate('mail').problem]).toEqual([['mail failed'], null, PROBLEM]);
    await expect(attempt(DONE)).resolves.toEqual(DONE);
    await expect(attempt(DONE, null, ['crm', 'mail'])).rejects.toMatchObject({ detail: { connection: 'mail' } });
    await expect(attempt(DONE, letGo(true, 'mail'), ['crm', 'mail'])).resolves.toEqual(DONE);
    expect(gate('mail').problem).toBeNull();
  });

  it('waits for its own connection when the one that failed is not known', async () => {
    await expect(attempt(error('credential', 'elsewhere'))).rejects.toMatchObject({ detail: { connection: 'crm' } });
    expect(lines.told).toEqual(['crm failed']);
  });

  it('fails in passing when the line cannot be joined', async () => {
    lines.away = true;
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

  it('is done all the same when the line cannot be told that it got through', async () => {
    park('crm');
    lines.away = true;
    await expect(attempt(DONE, letGo(true))).resolves.toEqual(DONE);
  });
});

describe('the gates of a worker', () => {
  it('heed no answer that is older than what they know', async () => {
    const gate = new ConnectionGate();
    let answer = (_nothing: null): void => undefined;
    const asked = new Promise<null>((resolve) => (answer = resolve));
    const silent = { debug: () => undefined };
    const stop = refreshGates(
      new Map([['crm', { gate }]]),
      { resume: async () => false, ask: () => asked },
      silent,
      60_000,
    );
    await new Promise((resolve) => setImmediate(resolve));
    gate.park(PROBLEM);
    answer(null);
    await stop();
    expect(gate.problem).toEqual(PROBLEM);
  });
});
