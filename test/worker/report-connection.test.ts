import pino from 'pino';
import { reportConnection } from '../../src/worker/report-connection';

const problem = { code: 'http_401', message: 'the token was revoked', remedy: 'Make a new one.' };

it.each([
  [
    'parked',
    {
      level: 50,
      connection: 'crm',
      code: 'http_401',
      remedy: 'Make a new one.',
      msg: 'connection parked: the token was revoked; its steps wait',
    },
  ],
  [
    'works',
    { level: 30, connection: 'crm', msg: 'connection works again; its waiting steps are released, oldest first' },
  ],
  [
    'left',
    {
      level: 30,
      connection: 'crm',
      code: 'http_401',
      msg: 'no step waits for the parked connection any more; the next step tries it',
    },
  ],
] as const)('logs the state %s', async (state, expected) => {
  const logged: unknown[] = [];
  const log = pino({ base: null, timestamp: false }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  await reportConnection(log)({ connection: 'crm', state, problem });
  expect(logged).toEqual([expected]);
});
