import { FailingConnections } from '../../src/worker/failing-connections';

let time = 1_000;
let failing: FailingConnections;

beforeEach(() => {
  time = 1_000;
  failing = new FailingConnections(() => time);
});

function fails(code: string, { connection = 'hubspot', errorClass = 'transient' } = {}): void {
  failing.attempt({
    action: 'hubspot.log_call',
    outcome: 'failed',
    failure: { class: errorClass, connection, code },
    seconds: 1,
  });
}

test('a service that fails at every attempt is listed since the first one', () => {
  fails('network');
  time = 60_000;
  fails('http_503');
  expect(failing.list()).toEqual({ hubspot: { since: 1_000, attempts: 2, code: 'http_503' } });
});

test.each(['done', 'credential'])('an attempt that ends %s shows that it answers', (end) => {
  fails('timeout');
  if (end === 'done') {
    failing.attempt({ action: 'hubspot.log_call', outcome: 'done', failure: null, seconds: 1 });
  } else {
    fails('INVALID_AUTHENTICATION', { errorClass: 'credential' });
  }
  expect(failing.list()).toEqual({});
  expect(failing.seenWorking()).toEqual({ since: 1_000, names: ['hubspot'] });
});

test('a worker has seen nothing work before an attempt shows it', () => {
  fails('network');
  time = 60_000;
  expect(failing.seenWorking()).toEqual({ since: 1_000, names: [] });
});

test('a step that was skipped shows nothing', () => {
  fails('timeout');
  failing.attempt({ action: 'hubspot.log_call', outcome: 'skipped', failure: null, seconds: 1 });
  expect(Object.keys(failing.list())).toEqual(['hubspot']);
});

test.each(['recording_not_stored', 'conflict', 'request_pace', 'smtp_450_4.2.0', 'line_unavailable'])(
  '%s is no outage',
  (code) => {
    fails(code);
    expect(failing.list()).toEqual({});
  },
);

test('the connection that failed is listed, which need not be that of the step', () => {
  fails('storage_http_503', { connection: 'voipbin' });
  expect(Object.keys(failing.list())).toEqual(['voipbin']);
});

test('what nobody has tried for half an hour is not known any more', () => {
  fails('network');
  time += 1_800_001;
  expect(failing.list()).toEqual({});
});
