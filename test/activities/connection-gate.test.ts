import { ConnectionGate } from '../../activities/connection-gate';
import { ActionError, type ErrorClass } from '../../src/connectors/action-error';

function error(errorClass: ErrorClass): ActionError {
  return new ActionError(errorClass, 'the token was revoked', { connection: 'crm', code: 'http_401' });
}

describe('ConnectionGate', () => {
  let now: number;
  let told: string[];
  let gate: ConnectionGate;
  let requests: number;

  beforeEach(() => {
    now = 0;
    told = [];
    requests = 0;
    gate = new ConnectionGate('crm', { onParked: (name) => told.push(`parked ${name}`), onResumed: (name) => told.push(`resumed ${name}`) }, () => now);
  });

  const ask = (outcome: 'fine' | ErrorClass): Promise<string> =>
    gate.pass(async () => {
      requests += 1;
      if (outcome !== 'fine') {
        throw error(outcome);
      }
      return 'fine';
    });
  const waitOf = (attempt: Promise<unknown>): Promise<number | undefined> =>
    attempt.then(
      () => undefined,
      (thrown: unknown) => (thrown instanceof ActionError && thrown.errorClass === 'credential' ? thrown.detail.retryAfterMs : -1),
    );

  it('lets everything through while the connection works, failures of other classes too', async () => {
    await expect(ask('fine')).resolves.toBe('fine');
    for (const errorClass of ['transient', 'permanent', 'ambiguous'] as const) {
      await expect(ask(errorClass)).rejects.toMatchObject({ errorClass });
    }
    expect([requests, told, gate.problem()]).toEqual([4, [], null]);
  });

  it('parks at the first credential failure, tells once, and asks the provider nothing until the probe', async () => {
    expect(await waitOf(ask('credential'))).toBe(30_000);
    now = 10_000;
    expect(await waitOf(ask('fine'))).toBe(20_000);
    expect(await waitOf(ask('fine'))).toBe(20_000);
    expect([requests, told]).toEqual([1, ['parked crm']]);
    expect(gate.problem()).toBe('the token was revoked (http_401)');
  });

  it('probes with one step at a time, less and less often, up to every five minutes', async () => {
    const waits = [await waitOf(ask('credential'))];
    for (let probe = 0; probe < 5; probe += 1) {
      now += waits.at(-1) ?? 0;
      waits.push(await waitOf(ask('credential')));
    }
    expect(waits).toEqual([30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
    expect([requests, told]).toEqual([6, ['parked crm']]);
  });

  it('holds others back while a probe is under way', async () => {
    await waitOf(ask('credential'));
    now = 30_000;
    let answer = (_result: string): void => undefined;
    const probe = gate.pass(() => new Promise<string>((resolve) => (answer = resolve)));
    expect(await waitOf(ask('fine'))).toBe(1_000);
    answer('fine');
    await expect(probe).resolves.toBe('fine');
    await expect(ask('fine')).resolves.toBe('fine');
    expect(told).toEqual(['parked crm', 'resumed crm']);
  });

  it('probes again after a probe that failed in passing', async () => {
    await waitOf(ask('credential'));
    now = 30_000;
    await expect(ask('transient')).rejects.toMatchObject({ errorClass: 'transient' });
    await expect(ask('fine')).resolves.toBe('fine');
    expect(gate.problem()).toBeNull();
  });

  it('can be told to probe at once', async () => {
    await waitOf(ask('credential'));
    gate.probeNow();
    await expect(ask('fine')).resolves.toBe('fine');
  });
});
