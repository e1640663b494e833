import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lookAtProcess, lookWithPs } from '../../../src/temporal/dev-server/process-info';

// On Linux both ways are there, so both are tried; elsewhere they are the same one.
describe.each([
  ['as the system has it', lookAtProcess],
  ['with ps', lookWithPs],
])('a process, %s', (_way, look) => {
  test('is the same process at every look, known by its arguments, and gone when it has ended', async () => {
    const child = spawn(
      process.execPath,
      ['-e', 'console.log(1); setInterval(() => 0, 1000)', 'with (brackets) and blanks'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(child.stdout, 'data');
    const pid = child.pid ?? 0;
    const first = look(pid);
    expect(first).toMatchObject({
      pid,
      started: expect.stringMatching(/\d/),
      command: expect.stringContaining('with (brackets) and blanks'),
    });
    expect(look(pid)).toEqual(first);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    expect(look(pid)).toBeNull();
  });
});
