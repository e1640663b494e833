import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BACKFILL_CONTENT_TYPE } from '../../src/ingest/trusted-body';
import { dataFolder, removeDataFolders } from '../inbox/entries';
import {
  ago,
  clock,
  endedCall,
  HOUR,
  kept,
  MINUTE,
  noted,
  openAccount,
  openBridge,
  planned,
  text,
  type Account,
  type Bridge,
} from './set-up';

// A thousand resources, and VoIPBIN's silences, take their time on a busy machine.
jest.setTimeout(120_000);

let account: Account;
let dataDir: string;
const bridges: Bridge[] = [];

beforeEach(async () => {
  account = await openAccount();
  dataDir = dataFolder();
});

afterEach(async () => {
  jest.restoreAllMocks();
  for (const bridge of bridges.splice(0)) {
    await bridge.close();
  }
  await account.close();
  removeDataFolders();
});

async function bridge(options: Parameters<typeof openBridge>[1] = {}): Promise<Bridge> {
  const opened = await openBridge(dataDir, options);
  bridges.push(opened);
  return opened;
}

/** A bridge that has run before, up to so long ago. */
async function bridgeAfterGap(gapMs: number, options: Parameters<typeof openBridge>[1] = {}): Promise<Bridge> {
  const opened = await bridge(options);
  await opened.pass(account, { now: clock(gapMs) });
  return opened;
}

/** The requests to the lists, as `messages`, `calls`, `recordings`. */
function lists(): string[] {
  return account.standIn.requests.map(({ path }) => path.replace('/v1.0/', '')).filter((path) => path !== 'customer');
}

test('after a gap exactly what was missed is taken, through the same door, and marked', async () => {
  const opened = await bridgeAfterGap(3 * HOUR);
  account.standIn.addCall(endedCall('c-came', 2 * HOUR));
  account.standIn.addCall(endedCall('c-missed', HOUR));
  account.standIn.addCall(endedCall('c-before-it-all', 5 * HOUR));
  account.standIn.addMessage(text('m-came', 2 * HOUR));
  account.standIn.addMessage(text('m-missed', 30 * MINUTE));
  account.standIn.addMessage({ ...text('m-ours', 30 * MINUTE), direction: 'outbound' });
  account.standIn.addRecording({ id: 'r-missed', callId: 'c-missed' });
  expect(await opened.send('call_hangup', endedCall('c-came', 2 * HOUR))).toBe('received');
  expect(await opened.send('message_created', text('m-came', 2 * HOUR))).toBe('received');

  const { report, finished } = await opened.pass(account, { now: clock(-2 * MINUTE) });

  expect(finished).toBe(true);
  expect(kept(opened.reader)).toEqual([
    'call_hangup/c-came',
    'call_hangup/c-missed',
    'message_created/m-came',
    'message_created/m-missed',
    'message_created/m-ours',
    'recording_finished/r-missed',
  ]);
  expect(planned(opened.reader)).toEqual([
    'auto-reply m-came',
    'auto-reply m-missed',
    'log-calls c-came',
    'log-calls c-missed',
  ]);
  expect(report.byType()).toEqual({
    message_created: { received: 1, ignored: 1 },
    call_hangup: { received: 1, ignored: 0 },
    recording_finished: { received: 0, ignored: 1 },
  });
  expect(report.duplicates).toBe(2);
  expect(opened.appended.count).toBe(4);
  expect(opened.reader.get('call_hangup/c-missed')?.content_type).toBe(BACKFILL_CONTENT_TYPE);
  expect(opened.reader.get('call_hangup/c-came')?.content_type).not.toBe(BACKFILL_CONTENT_TYPE);
  expect(opened.reader.get('call_hangup/c-missed')).toMatchObject({
    event: {
      declared_type: 'call_hangup',
      direction: 'inbound',
      picked_up: true,
      answered: false,
      peer: { number: '+15551234567' },
    },
  });
  expect(opened.log.said).toContainEqual(expect.stringMatching(/^the bridge was down since \d{4}-/));
  expect(opened.log.said).toContainEqual(
    expect.stringMatching(
      /^recovered 4 events \(2 message_created, 1 call_hangup, 1 recording_finished\) between \S+Z and \S+Z$/,
    ),
  );
  const metrics = await opened.metrics.metrics();
  expect(metrics).toContain('bridge_backfilled_events_total{type="message_created",outcome="received"} 1');
  expect(metrics).toContain('bridge_backfilled_events_total{type="message_created",outcome="ignored"} 1');
  expect(metrics).toMatch(/bridge_backfill_finished_timestamp_seconds [1-9]/);
});

test('what was backfilled teaches which numbers are ours', async () => {
  const opened = await bridgeAfterGap(HOUR);
  account.standIn.addMessage(text('m', 10 * MINUTE));
  await opened.pass(account);

  expect(opened.inbox.ownNumbers()).toEqual(['+15559876543']);
});

describe('once, in whatever order and under whatever name it comes', () => {
  const call = endedCall('c', 10 * MINUTE);
  const message = text('m', 10 * MINUTE);
  const steps: Record<string, (opened: Bridge) => Promise<unknown>> = {
    webhook: (opened) => opened.send('call_hangup', call),
    'webhook with other times': (opened) =>
      opened.send('call_hangup', { ...call, tm_hangup: ago(9 * MINUTE), tm_update: ago(9 * MINUTE) }),
    'webhook of the other dialect': (opened) =>
      opened.send('call_hungup', { ...call, tm_hangup: '2026-03-02 01:00:00.000000' }),
    backfill: (opened) => opened.pass(account),
    'message webhook': (opened) => opened.send('message_created', { ...message, customer_id: 'x' }),
    'twin webhook': (opened) =>
      opened.send('conversation_message_created', {
        id: 'm',
        direction: 'incoming',
        source: message['source'] ?? null,
        destination: { type: 'tel', target: '+15559876543' },
        text: 'hello',
      }),
  };
  test.each([
    ['webhook', 'backfill'],
    ['backfill', 'webhook'],
    ['webhook of the other dialect', 'backfill'],
    ['backfill', 'webhook of the other dialect'],
    ['backfill', 'webhook with other times'],
    ['backfill', 'backfill'],
    ['message webhook', 'backfill', 'twin webhook'],
    ['backfill', 'message webhook', 'twin webhook'],
    ['backfill', 'twin webhook', 'message webhook'],
    ['twin webhook', 'backfill', 'message webhook'],
    ['twin webhook', 'message webhook', 'backfill'],
    ['message webhook', 'twin webhook', 'backfill', 'webhook', 'backfill'],
  ])('%s, then %s, then %s', async (...names) => {
    account.standIn.addCall(call);
    account.standIn.addMessage(message);
    const opened = await bridgeAfterGap(HOUR);
    for (const name of names) {
      await steps[name]?.(opened);
    }

    expect(planned(opened.reader)).toEqual(['auto-reply m', 'log-calls c']);
  });

  test('webhook and backfill at the same moment', async () => {
    account.standIn.addCall(call);
    const opened = await bridgeAfterGap(HOUR);
    await Promise.all([opened.pass(account), ...Array.from({ length: 20 }, () => opened.send('call_hungup', call))]);

    expect(planned(opened.reader)).toEqual(['log-calls c']);
  });
});

describe('how far it looks', () => {
  test('the first start ever leaves the past alone', async () => {
    account.standIn.addCall(endedCall('c', 10 * MINUTE));
    account.standIn.addMessage(text('m', 2 * MINUTE));
    const opened = await bridge();
    expect((await opened.pass(account)).finished).toBe(true);
    expect((await opened.pass(account)).finished).toBe(true);

    expect(kept(opened.reader)).toEqual([]);
  });

  test('a call under way is waited for, however old it is by then', async () => {
    const opened = await bridgeAfterGap(5 * HOUR);
    const begun = { id: 'c', tm_create: ago(3 * HOUR), status: 'progressing', direction: 'incoming' };
    account.standIn.addCall(begun);
    account.standIn.addCall(endedCall('c-later', 2 * HOUR));
    expect((await opened.pass(account, { now: clock(HOUR) })).report.total).toBe(1);

    account.standIn.addCall({ ...begun, status: 'hangup', tm_hangup: ago(10 * MINUTE) });
    expect((await opened.pass(account)).report.byType()).toEqual({ call_hangup: { received: 1, ignored: 0 } });
  });

  test('a call that never ends does not hold the mark for good', async () => {
    const opened = await bridgeAfterGap(10 * HOUR);
    account.standIn.addCall({ id: 'stuck', tm_create: ago(9 * HOUR), status: 'progressing' });
    const newest = endedCall('c', HOUR);
    account.standIn.addCall(newest);
    await opened.pass(account);

    expect(noted(dataDir)).toMatchObject({ resources: { calls: { mark: newest['tm_create'] } } });
  });

  test('what happened just now is left to its webhook, and taken when that does not come', async () => {
    const opened = await bridgeAfterGap(HOUR);
    account.standIn.addMessage(text('m', 20_000));
    expect((await opened.pass(account)).report.total).toBe(0);
    expect((await opened.pass(account, { now: clock(-MINUTE) })).report.total).toBe(1);
  });

  test('a resource that VoIPBIN lists late, or by another clock, is found within the overlap', async () => {
    const opened = await bridgeAfterGap(2 * HOUR);
    account.standIn.addMessage(text('m-1', 30 * MINUTE));
    await opened.pass(account);
    account.standIn.addMessage(text('m-2', 35 * MINUTE));
    await opened.pass(account);

    expect(kept(opened.reader)).toEqual(['message_created/m-1', 'message_created/m-2']);
  });

  test('no further than the longest gap, and says so', async () => {
    const opened = await bridgeAfterGap(30 * HOUR);
    account.standIn.addCall(endedCall('c-old', 26 * HOUR));
    account.standIn.addCall(endedCall('c', 20 * HOUR));
    await opened.pass(account);

    expect(kept(opened.reader)).toEqual(['call_hangup/c']);
    expect(opened.log.said).toContainEqual(
      expect.stringMatching(
        /^the last look-up at VoIPBIN is longer ago than backfill.longest_gap; events before \S+ are not looked up/,
      ),
    );
  });

  test('a quiet day is not a gap', async () => {
    const opened = await bridgeAfterGap(60 * HOUR);
    account.standIn.addCall(endedCall('c', 59 * HOUR));
    await opened.pass(account, { now: clock(58 * HOUR) });
    await opened.pass(account, { now: clock(HOUR) });
    opened.log.said.splice(0);
    await opened.pass(account);

    expect(opened.log.said.filter((said) => said.includes('longest_gap'))).toEqual([]);
  });

  test('a time in the future does not hide what comes after', async () => {
    const opened = await bridgeAfterGap(HOUR);
    account.standIn.addMessage({ ...text('m-odd', 0), tm_create: '2099-01-01T00:00:00Z' });
    await opened.pass(account);
    account.standIn.addMessage(text('m', 2 * MINUTE));
    await opened.pass(account);

    expect(kept(opened.reader)).toContain('message_created/m');
  });

  test('only what is new is read again', async () => {
    const opened = await bridgeAfterGap(5 * HOUR);
    for (let n = 0; n < 450; n += 1) {
      account.standIn.addCall(endedCall(`c-${n}`, 2 * HOUR + n * 10_000));
    }
    await opened.pass(account);
    const before = lists().length;
    await opened.pass(account);

    expect(kept(opened.reader)).toHaveLength(450);
    expect(lists().slice(before)).toEqual(['messages', 'calls', 'recordings']);
  });
});

describe('bounds', () => {
  /** More than a thousand resources, in two lists. */
  function addMany(): void {
    for (let n = 0; n < 1_000; n += 1) {
      account.standIn.addCall(endedCall(`c-${n}`, 10 * MINUTE + n * 5_000));
      if (n < 350) {
        account.standIn.addMessage(text(`m-${n}`, 10 * MINUTE + n * 5_000));
      }
    }
  }

  test.each([
    ['pages', { maxPages: 2 }, 5],
    ['events', { maxEvents: 300 }, 4],
    ['time', { maxMs: 0 }, 10],
  ])('of %s: a pass ends there and the next goes on, until all is there', async (_, limits, leastPasses) => {
    addMany();
    const opened = await bridgeAfterGap(4 * HOUR);
    const before = lists().length;
    const { next } = opened.backfill(account, {
      limits,
      timings: { everyMs: HOUR, longestGapMs: 24 * HOUR, continueMs: 1 },
    });
    let passes = 1;
    let recovered = 0;
    for (let result = await next(); ; result = await next(), passes += 1) {
      recovered += result.report.total;
      expect(result.problems).toEqual([]);
      if (result.finished) {
        break;
      }
    }

    expect(recovered).toBe(1_350);
    expect(kept(opened.reader)).toHaveLength(1_350);
    expect(passes).toBeGreaterThanOrEqual(leastPasses);
    // Nothing is begun anew: 4 pages of messages and 10 of calls once, each list's empty last page, and a page or two a
    // pass to see what came since.
    expect(lists().length - before).toBeLessThanOrEqual(16 + 3 * passes);
  });

  test('webhooks are answered meanwhile', async () => {
    addMany();
    const opened = await bridgeAfterGap(4 * HOUR);
    const { next } = opened.backfill(account);
    const pass = next();
    const answers: string[] = [];
    for (let n = 0; n < 50; n += 1) {
      answers.push(await opened.send('call_hangup', { id: `live-${n}` }));
    }

    expect(new Set(answers)).toEqual(new Set(['received']));
    expect((await pass).report.total).toBe(1_350);
  });

  test('a page token that VoIPBIN no longer takes: it begins anew', async () => {
    addMany();
    const opened = await bridgeAfterGap(4 * HOUR);
    expect((await opened.pass(account, { limits: { maxPages: 2, pagePauseMs: 1 } })).finished).toBe(false);
    const token = /"calls".*?"token": "([^"]+)"/s.exec(readFileSync(join(dataDir, 'backfill.json'), 'utf8'))?.[1] ?? '';
    const path = `/calls?page_size=100&page_token=${encodeURIComponent(token)}`;
    account.standIn.failNext({ path, times: 100, how: { status: 400 } });
    // The pages are others from now on (and the oldest call is gone: the stand-in keeps a thousand).
    account.standIn.addCall(endedCall('c-new', 2 * MINUTE));
    expect((await opened.pass(account)).problems).toMatchObject([{ resource: 'calls', code: 'http_400' }]);
    expect((await opened.pass(account)).finished).toBe(true);

    expect(kept(opened.reader)).toHaveLength(1_350);
  });
});

describe('failures', () => {
  const quick = { everyMs: 20, longestGapMs: 24 * HOUR, retryMs: 20, continueMs: 1, secondPassMs: 20 };

  test.each([
    [
      '401',
      { status: 401 },
      /^missed events cannot be looked up at VoIPBIN: voipbin refused the account or its access key \(401\)\. Set VOIPBIN_ACCESS_KEY/,
    ],
    ['403', { status: 403 }, /Give the access key the permission/],
    ['429', { status: 429, headers: { 'retry-after': '0' } }, /limits the rate/],
    ['500', { status: 500 }, /voipbin failed \(500\)/],
    ['HTML', { status: 200, body: '<html>' }, /has an unknown form\. Check that VOIPBIN_API_URL/],
    ['reset', 'reset' as const, /could not be reached/],
  ])('%s: logged once, retried, and over by itself', async (_, how, told) => {
    const opened = await bridgeAfterGap(HOUR);
    account.standIn.addCall(endedCall('c', 10 * MINUTE));
    account.standIn.addMessage(text('m', 10 * MINUTE));
    account.standIn.failNext({ path: '/calls', times: 3, how });
    const { next, running } = opened.backfill(account, { timings: quick });

    for (let n = 0; n < 3; n += 1) {
      const result = await next();
      expect(result).toMatchObject({ finished: false, problems: [{ resource: 'calls' }] });
      expect(running.state()).toMatchObject({ ok: false, detail: expect.stringMatching(told) });
    }
    expect(opened.reader.has('message_created/m')).toBe(true);
    expect((await next()).finished).toBe(true);

    expect(kept(opened.reader)).toEqual(['call_hangup/c', 'message_created/m']);
    expect(opened.log.said.filter((said) => told.test(said))).toHaveLength(1);
    expect(opened.log.said).toContain('missed events can be looked up at VoIPBIN again');
    expect(running.state()).toMatchObject({ ok: true });
  });

  test("VoIPBIN's Retry-After is respected", async () => {
    const opened = await bridgeAfterGap(HOUR);
    account.standIn.failNext({ path: '/calls', how: { status: 429, headers: { 'retry-after': '1' } } });
    const startedAt = performance.now();
    const { next } = opened.backfill(account, { timings: quick });
    await next();
    await next();

    // Timers of Node may fire a millisecond early.
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(999);
  });

  test('an account that cannot be asked for at all is told once too', async () => {
    const opened = await bridge();
    account.standIn.failNext({ path: '/customer', times: 3, how: { status: 401 } });
    const { next, running } = opened.backfill(account, { timings: quick });
    expect((await next()).finished).toBe(true);

    expect(opened.log.said.filter((said) => said.includes('VOIPBIN_ACCESS_KEY'))).toHaveLength(1);
    expect(running.state().ok).toBe(true);
  });

  test('one list that hangs does not keep the others from being read, and does not last', async () => {
    const opened = await bridgeAfterGap(HOUR);
    account.standIn.addCall(endedCall('c', 10 * MINUTE));
    account.standIn.failNext({ path: '/messages', how: 'hang' });

    expect(await opened.pass(account)).toMatchObject({
      finished: false,
      problems: [{ resource: 'messages', code: 'timeout' }],
    });
    expect(kept(opened.reader)).toEqual(['call_hangup/c']);
  });

  test('stopping does not wait for a VoIPBIN that hangs', async () => {
    const opened = await bridgeAfterGap(HOUR);
    account.standIn.failNext({ path: '/messages', how: 'hang' });
    // No request ends by its own time-out, and stopping has no bound: it ends the request, or this test does not end.
    jest.spyOn(AbortSignal, 'timeout').mockReturnValue(new AbortController().signal);
    const before = account.standIn.requests.length;
    const { running } = opened.backfill(account, { timings: { everyMs: HOUR, longestGapMs: HOUR, stopMs: HOUR } });
    while (account.standIn.requests.length < before + 2) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await running.stop();

    expect(opened.log.said.filter((said) => said.includes('cannot be looked up'))).toEqual([]);
  });

  test('an inbox that keeps nothing: the mark stays, and what was missed is taken later', async () => {
    const opened = await bridgeAfterGap(HOUR);
    account.standIn.addCall(endedCall('c', 10 * MINUTE));
    const before = noted(dataDir)['resources'];
    bridges.pop();
    await opened.close();

    expect((await opened.pass(account)).problems).toMatchObject([{ resource: 'calls', code: 'closed' }]);
    expect(noted(dataDir)['resources']).toEqual(before);
    const again = await bridge();
    expect((await again.pass(account)).report.total).toBe(1);
  });

  test('an unreadable progress file: backfill starts at the newest event in the inbox', async () => {
    const opened = await bridge();
    await opened.send('call_hangup', { id: 'c-came' });
    writeFileSync(join(dataDir, 'backfill.json'), '{"version": 1, "custo');
    account.standIn.addCall(endedCall('c-old', 10 * MINUTE));
    account.standIn.addMessage({ ...text('m', 0), tm_create: new Date(Date.now() + 1_000).toISOString() });
    await opened.pass(account, { now: clock(-5 * MINUTE) });

    expect(kept(opened.reader)).toEqual(['call_hangup/c-came', 'message_created/m']);
    expect(opened.log.said).toContainEqual(
      expect.stringMatching(/^backfill\.json in the data folder cannot be read; backfill starts over/),
    );
  });

  test("another account's key: its past is not a gap", async () => {
    const opened = await bridgeAfterGap(HOUR);
    const path = join(dataDir, 'backfill.json');
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace(/"customer": "[^"]+"/, '"customer": "0e9c9b9e-0000-4000-8000-000000000000"'),
    );
    account.standIn.addMessage(text('m', 10 * MINUTE));
    await opened.pass(account);
    await opened.pass(account);

    expect(kept(opened.reader)).toEqual([]);
    expect(opened.log.said.filter((said) => said.includes('another VoIPBIN account'))).toHaveLength(1);
  });
});

describe('when', () => {
  test('at the start, again once events have settled, then at intervals, with a warning when webhooks fail', async () => {
    const opened = await bridgeAfterGap(10_000);
    opened.log.said.splice(0);
    const { next } = opened.backfill(account, {
      timings: { everyMs: 50, longestGapMs: HOUR, secondPassMs: 20 },
      limits: { settleMs: 0 },
    });
    expect((await next()).finished).toBe(true);
    expect((await next()).finished).toBe(true);
    account.standIn.addMessage({ ...text('m', 0) });
    while ((await next()).report.total === 0) {
      // The pass under way may have read the list already.
    }

    expect(opened.log.said).toEqual([
      expect.stringMatching(
        /^recovered 1 event \(1 message_created\) of \S+Z; no webhook delivered them: check that VoIPBIN's webhook URI points here$/,
      ),
    ]);
  });

  test('the heartbeat is saved', async () => {
    const opened = await bridge();
    const { next } = opened.backfill(account, { timings: { everyMs: HOUR, longestGapMs: HOUR, heartbeatMs: 5 } });
    await next();
    const first = String(noted(dataDir)['alive_at']);
    let later = first;
    while (later === first) {
      await new Promise((resolve) => setImmediate(resolve));
      later = String(noted(dataDir)['alive_at']);
    }

    expect(Date.parse(later)).toBeGreaterThan(Date.parse(first));
  });
});

test.each([
  ['', ['auto-reply m-new', 'auto-reply m-old']],
  ['max_age: 15m,', ['auto-reply m-new']],
])('rules say how old an event may be (%s)', async (maxAge, expected) => {
  const opened = await bridgeAfterGap(3 * HOUR, {
    rules: `version: 1\nrules: [{ name: auto-reply, on: message_created, ${maxAge} do: [{ slack.post_message: { channel: "#c", text: x } }] }]\n`,
  });
  account.standIn.addMessage(text('m-old', 16 * MINUTE));
  account.standIn.addMessage(text('m-new', 14 * MINUTE));
  await opened.pass(account);

  expect(planned(opened.reader)).toEqual(expected);
  expect(kept(opened.reader)).toHaveLength(2);
});
