import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lookAtProcess } from '../../../src/temporal/dev-server/process-info';
import { ServerLog } from '../../../src/temporal/dev-server/log-file';
import { spawnServer, type ServerProcess } from '../../../src/temporal/dev-server/server-process';

const AUTOGROUP = '/proc/sys/kernel/sched_autogroup_enabled';
const isShared = existsSync(AUTOGROUP) && readFileSync(AUTOGROUP, 'utf8').trim() === '1';

let folder: string;
let server: ServerProcess | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bridge-server-'));
});

afterEach(async () => {
  await server?.stop(5_000);
  server = null;
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a program of Node's in the server's place. */
async function start(program: string): Promise<{ process: ServerProcess; log: ServerLog }> {
  const log = new ServerLog(join(folder, 'server.log'));
  server = await spawnServer(process.execPath, ['-e', program], log);
  return { process: server, log };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const WAITS = 'setInterval(() => undefined, 1_000)';

/** The letter of a process's state (proc(5)): T is stopped, S sleeps. */
function stateOf(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0];
}

/** Parent, process group and session of a process (proc(5)). */
function placeOf(pid: number): { parent: number; group: number; session: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [, parent, group, session] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return { parent: parent ?? 0, group: group ?? 0, session: session ?? 0 };
}

(process.platform === 'linux' ? describe : describe.skip)('its place', () => {
  test('is a group of its own, in the session of the bridge where that shares the processor', async () => {
    const { pid } = (await start(WAITS)).process;
    const place = placeOf(pid);
    expect(place.group).toBe(pid);
    expect(place.session === placeOf(process.pid).session).toBe(isShared);
    // It is a shell's child until its program is loaded.
    await until(() => lookAtProcess(pid)?.command.includes(WAITS) === true);
  });
});

test.each([
  ['an exit code', 'process.exit(3)', { code: 3, signal: null }],
  ['a signal', "process.kill(process.pid, 'SIGKILL')", { code: null, signal: 'SIGKILL' }],
])('that ends by itself is known to, with %s', async (_, program, end) => {
  expect(await (await start(program)).process.ended).toEqual(end);
});

test('writes to its log, and is asked to end first', async () => {
  const { process: running, log } = await start(
    `process.on('SIGTERM', () => { console.log('asked'); process.exit(0); }); console.log('runs'); ${WAITS}`,
  );
  await until(() => log.tail(1).length > 0);
  await running.stop(5_000);
  expect(log.tail(5)).toEqual(['runs', 'asked']);
  expect(await running.ended).toEqual({ code: 0, signal: null });
});

(isShared ? describe : describe.skip)('under a shell', () => {
  test('Ctrl-C reaches the shell and does nothing', async () => {
    const { process: running } = await start(WAITS);
    const { parent } = placeOf(running.pid);
    expect(parent).not.toBe(process.pid);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.kill(parent, signal);
    }
    process.kill(running.pid, 'SIGKILL');
    expect(await running.ended).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('a server that is stopped has not ended', async () => {
    const { process: running } = await start(WAITS);
    const { parent } = placeOf(running.pid);
    process.kill(running.pid, 'SIGSTOP');
    await until(() => stateOf(running.pid) === 'T');
    process.kill(running.pid, 'SIGCONT');
    process.kill(running.pid, 'SIGSTOP');
    // The shell has slept through both.
    await until(() => stateOf(parent) === 'S');
    process.kill(running.pid, 'SIGKILL');
    expect(await running.ended).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('it is not taken for ended when the shell is', async () => {
    const { process: running } = await start(WAITS);
    process.kill(placeOf(running.pid).parent, 'SIGKILL');
    const early = await Promise.race([
      running.ended.then(() => 'ended'),
      new Promise((resolve) => setTimeout(resolve, 1_000, 'lives')),
    ]);
    expect(early).toBe('lives');
    await running.stop(5_000);
    expect(lookAtProcess(running.pid)).toBeNull();
  });
});
