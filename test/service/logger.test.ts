import { createLogger, type LogOptions } from '../../src/service/logger';
import { Secret } from '../../src/settings/secret';

function logged(options: LogOptions, write: (log: ReturnType<typeof createLogger>) => void): string {
  let out = '';
  write(createLogger({ ...options, sink: { write: (line) => void (out += line) } }));
  return out;
}

describe('log', () => {
  test('is JSON a line, with the level as a word and the time in UTC', () => {
    const line = logged({ name: 'worker' }, (log) =>
      log.warn({ event_id: 'call_hangup/x', tries: 2 }, 'started again'),
    );
    expect(line.endsWith('}\n')).toBe(true);
    const { time, ...rest } = JSON.parse(line) as Record<string, unknown>;
    expect(rest).toEqual({ level: 'warn', name: 'worker', event_id: 'call_hangup/x', tries: 2, msg: 'started again' });
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Math.abs(Date.parse(String(time)) - Date.now())).toBeLessThan(60_000);
  });

  test.each([true, false])('secrets do not show (pretty: %s)', (pretty) => {
    const out = logged({ pretty }, (log) =>
      log.info({ token: new Secret('hunter2'), deep: { list: [new Secret('hunter2')] } }, 'x'),
    );
    expect(out).toContain('***');
    expect(out).not.toContain('hunter2');
  });

  test('for people it is one short line', () => {
    const out = logged({ pretty: true, name: 'bridge' }, (log) => {
      log.info({ port: 5000, what: 'two words', list: [1], gone: null }, 'listening');
      log.error('plain\u001B[2J');
    });
    expect(out.split('\n')).toEqual([
      expect.stringMatching(
        /^\d\d:\d\d:\d\dZ INFO {2}bridge: listening {2}port=5000 what="two words" list=\[1\] gone=null$/,
      ),
      expect.stringMatching(/^\d\d:\d\d:\d\dZ ERROR bridge: plain\\u001b\[2J$/),
      '',
    ]);
  });

  test.each([true, false])('nothing that a terminal acts on shows (pretty: %s)', (pretty) => {
    const hostile = 'x\u001B[2J\u009B31m\u202E\u2028\n12:00:00Z INFO  forged';
    const out = logged({ pretty, name: 'bridge' }, (log) =>
      log.error({ field: hostile, word: 'y\u009B', err: new Error(hostile) }, hostile),
    );
    expect(out).not.toMatch(/(?![\t\n])[\p{Cc}\u202E\u2028]/u);
    expect(out).not.toMatch(/^12:00:00Z/m);
    expect(out).toContain('\\u009b31m\\u202e');
  });

  test('an error shows its stack', () => {
    const out = logged({ pretty: true }, (log) => log.error({ err: new TypeError('broken') }, 'failed'));
    expect(out).toMatch(/ERROR failed\n {2}TypeError: broken\n {6}at /);
  });

  test.each([
    ['warn', 'w'],
    ['WARN', 'w'],
    ['silent', ''],
    ['nonsense', 'iw'],
  ])('level %s', (level, expected) => {
    const out = logged({ level }, (log) => {
      log.debug('d');
      log.info('i');
      log.warn('w');
    });
    expect(
      out
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => (JSON.parse(line) as { msg: string }).msg)
        .join(''),
    ).toBe(expected);
  });
});
