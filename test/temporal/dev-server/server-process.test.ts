import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readProcess } from '../../../src/temporal/dev-server/process-info';
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
  // A signal that comes while its program loads is lost, so that the end comes after the grace time.
  await server?.stop(500);
  server = null;
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a Node program instead of the server. */
async function start(program: string): Promise<{ process: ServerProcess; log: ServerLog }> {
  const log = new ServerLog(join(folder, 'server.log'));
  server = await spawnServer(process.execPath, ['-e', program], log);
  return { process: server, log };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const WAITS = 'setInterval(() => undefined, 1_000)';

/** The letter of a process's state (proc(5)): T is stopped, S is sleeping. */
function stateOf(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0];
}

/** Parent, process group and session of a process (proc(5)). */
function idsOf(pid: number): { parent: number; group: number; session: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [, parent, group, session] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return { parent: parent ?? 0, group: group ?? 0, session: session ?? 0 };
}

(process.platform === 'linux' ? describe : describe.skip)('its process group', () => {
  test('is its own, in the session of the bridge where Linux schedules by session', async () => {
    const { pid } = (await start(WAITS)).process;
    const ids = idsOf(pid);
    expect(ids.group).toBe(pid);
    expect(ids.session === idsOf(process.pid).session).toBe(isShared);
    // It is a copy of the shell until its program is loaded.
    await until(() => readProcess(pid)?.command.includes(WAITS) === true);
  });
});

test.each([
  ['an exit code', 'process.exit(3)', { code: 3, signal: null }],
  ['a signal', "process.kill(process.pid, 'SIGKILL')", { code: null, signal: 'SIGKILL' }],
])('an end by itself is reported with %s', async (_, program, end) => {
  expect(await (await start(program)).process.ended).toEqual(end);
});

test('writes to its log, and gets SIGTERM first', async () => {
  const { process: running, log } = await start(
    `process.on('SIGTERM', () => { console.log('asked'); process.exit(0); }); console.log('runs'); ${WAITS}`,
  );
  await until(() => log.tail(1).length > 0);
  await running.stop(5_000);
  expect(log.tail(5)).toEqual(['runs', 'asked']);
  expect(await running.ended).toEqual({ code: 0, signal: null });
});

(isShared ? describe : describe.skip)('under a shell', () => {
  test('Ctrl-C reaches the shell and has no effect', async () => {
    const { process: running } = await start(WAITS);
    const { parent } = idsOf(running.pid);
    expect(parent).not.toBe(process.pid);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.kill(parent, signal);
    }
    process.kill(running.pid, 'SIGKILL');
    expect(await running.ended).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('a suspended server has not ended', async () => {
    const { process: running } = await start(WAITS);
    const { parent } = idsOf(running.pid);
    process.kill(running.pid, 'SIGSTOP');
    await until(() => stateOf(running.pid) === 'T');
    process.kill(running.pid, 'SIGCONT');
    process.kill(running.pid, 'SIGSTOP');
    // The shell has noticed neither.
    await until(() => stateOf(parent) === 'S');
    process.kill(running.pid, 'SIGKILL');
    expect(await running.ended).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('the end of the shell is not the end of the server', async () => {
    const { process: running } = await start(WAITS);
    process.kill(idsOf(running.pid).parent, 'SIGKILL');
    const early = await Promise.race([
      running.ended.then(() => 'ended'),
      new Promise((resolve) => setTimeout(resolve, 1_000, 'lives')),
    ]);
    expect(early).toBe('lives');
    await running.stop(5_000);
    expect(readProcess(running.pid)).toBeNull();
  });
});
