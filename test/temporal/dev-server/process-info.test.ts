import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readProcess, readWithPs } from '../../../src/temporal/dev-server/process-info';

// On Linux both ways exist and both are tested; elsewhere they are the same.
describe.each([
  ['from /proc where it exists', readProcess],
  ['with ps', readWithPs],
])('a process, %s', (_way, look) => {
  test('is read with its start time and arguments, the same each time, until it has ended', async () => {
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
