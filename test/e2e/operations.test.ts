import { readdirSync, readFileSync, rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { runningServer } from '../../src/temporal/dev-server/pid-file';
import { startProviders, type Providers } from './providers';
import { RunningBridge } from './running-bridge';

jest.setTimeout(300_000);

const RULES = `
version: 1
rules:
  - name: log
    on: call_hangup
    do:
      - hubspot.log_call: { unknown_contact: create }
`;
const CALLER = '+15551234567';

function data(id: string, caller = CALLER): object {
  return {
    id,
    direction: 'incoming',
    source: { type: 'tel', target: caller },
    destination: { type: 'tel', target: '+15559876543' },
    status: 'hangup',
    tm_create: '2026-08-22T06:10:54.788Z',
    tm_progressing: '2026-08-22T06:10:55.765Z',
    tm_hangup: '2026-08-22T06:10:58.431201Z',
  };
}

const listed = z.array(z.looseObject({ event_id: z.string(), became: z.string() }));

describe('operations', () => {
  let providers: Providers;
  let folder: string;
  let bridge: RunningBridge | undefined;

  beforeAll(async () => {
    providers = await startProviders();
    folder = mkdtempSync(join(tmpdir(), 'bridge-e2e-operations-'));
  });
  afterAll(async () => {
    await bridge?.remove();
    await providers.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = async (dataDir: string): Promise<RunningBridge> =>
    RunningBridge.ready({ dataDir, rules: RULES, env: providers.env });

  const list = async (of: RunningBridge): Promise<z.infer<typeof listed>> =>
    listed.parse(JSON.parse((await of.run('events', 'list', '--json')).stdout));

  const untilDone = (of: RunningBridge, eventId: string): Promise<unknown> =>
    of.eventually(`${eventId} is done`, async () =>
      (await list(of)).some(({ event_id, became }) => event_id === eventId && became === 'done') ? true : null,
    );

  it('accept a request, forget a person, and restore a backup after a total loss', async () => {
    const dataDir = join(folder, 'data');
    bridge = await start(dataDir);

    // A request that is no event becomes one.
    const refused = await bridge.post(data('accepted'));
    expect(refused.status).toBe(400);
    const quarantined = z
      .array(z.looseObject({ id: z.string() }))
      .parse(JSON.parse((await bridge.run('events', 'list', '--quarantine', '--json')).stdout));
    const id = quarantined[0]?.id ?? '';
    const still = await bridge.run('events', 'accept', id);
    expect([still.code, still.stderr]).toEqual([1, expect.stringContaining('--as TYPE')]);
    const accepted = await bridge.run('events', 'accept', id, '--as', 'call_hangup', '--json');
    expect(JSON.parse(accepted.stdout)).toEqual({ event_id: 'call_hangup/accepted', outcome: 'received' });
    await untilDone(bridge, 'call_hangup/accepted');
    expect((await bridge.run('events', 'accept', id)).code).toBe(1);
    const exported = await bridge.run('events', 'export', '--type', 'call_hangup');
    expect(JSON.parse(exported.stdout)).toMatchObject({ body: { type: 'call_hangup', data: { id: 'accepted' } } });

    // A person is forgotten, another is not.
    await bridge.post({ type: 'call_hangup', data: data('hers', '+15557654321') });
    await untilDone(bridge, 'call_hangup/hers');
    const calls = providers.hubspot.calls.length;
    const planned = await bridge.run('forget', '(555) 123-4567', '--dry-run', '--json');
    expect([planned.code, planned.stderr]).toEqual([2, expect.stringContaining('with its country code')]);
    const forgotten = await bridge.run('forget', '+1 (555) 123-4567', '--yes');
    expect(forgotten.stdout).toContain('The content of 1 event of +15551234567 was removed');
    expect(forgotten.stdout).toContain('Temporal keeps the history of 1 run');
    expect(forgotten.stdout).toContain('hubspot (1 step)');
    const again = await bridge.run('forget', CALLER, '--yes', '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({ events: 0, quarantined: 0 });
    expect(filesWith(dataDir, '5551234567')).toEqual([]);
    expect(filesWith(dataDir, '5557654321')).not.toEqual([]);
    // What is forgotten is still known: it is not done again, and cannot be.
    expect((await bridge.post({ type: 'call_hangup', data: data('accepted') })).answer.status).toBe('duplicate');
    const rerun = await bridge.run('events', 'rerun', 'call_hangup/accepted', '--again', '--dry-run', '--json');
    expect(JSON.parse(rerun.stdout)).toMatchObject({ plan: { events: 0, left_out: { forgotten: 1 } } });

    // Everything is lost but the backup.
    const file = join(folder, 'backup.db');
    const backup = await bridge.run('backup', file);
    expect(backup).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('inbox.db') });
    const before = await list(bridge);
    const server = runningServer(dataDir);
    await bridge.kill();
    if (server !== null) {
      process.kill(server.pid, 'SIGKILL');
    }
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
    const restored = await bridge.run('restore', file);
    expect(restored).toMatchObject({ code: 0, stdout: expect.stringContaining('bridge backfill --since') });
    await bridge.remove();
    bridge = await start(dataDir);
    expect(await list(bridge)).toEqual(before);
    await bridge.post({ type: 'call_hangup', data: data('later', '+15557654321') });
    await untilDone(bridge, 'call_hangup/later');
    expect(providers.hubspot.calls).toHaveLength(calls + 1);
    expect((await bridge.run('restore', file)).stderr).toContain('is not empty');

    const audit = await bridge.run('audit', '--json');
    const entries = z.array(z.looseObject({ operation: z.string() })).parse(JSON.parse(audit.stdout));
    expect(entries.map(({ operation }) => operation)).toEqual(['forget', 'events.accept']);
    expect(audit.stdout).not.toContain('1234567');
  });
});

/** Files of a data folder, but for Temporal's own, that contain a text. */
function filesWith(dataDir: string, text: string): string[] {
  return readdirSync(dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('temporal'))
    .filter((entry) => readFileSync(join(entry.parentPath, entry.name)).includes(text))
    .map(({ name }) => name);
}
