import { eventually, nowMs } from '../../bench/clock';
import { missing, settleAndAudit, type Expected } from './audit';
import { DONE_WITHIN_MS, LOAD_SECONDS, SCENARIO_WITHIN_MS, setUpScenario, report, type Scenario } from './chaos';
import type { HonestSender } from './sender';
import { SupervisedBridge } from './supervised-bridge';
import { TcpProxy } from './tcp-proxy';
import { openRunsIn } from './temporal';
import { traffic } from './traffic';
import { TEXTS, type Effect } from './witness';

jest.setTimeout(SCENARIO_WITHIN_MS * 2);

const PER_SECOND = 8;
const CALLS = Math.max(16, LOAD_SECONDS);
/** Steps for other providers continue while one is unavailable, and a small machine has a backlog of them. */
const MEANWHILE_WITHIN_MS = 40_000;
const RETRY_AFTER_S = 3;
/** Clocks of Temporal and of Node are not read at the same moment. */
const EARLIER_BY_MS = 50;

const HTML = '<html><body><h1>502 Bad Gateway</h1></body></html>';
const RETRY = 'retry: { for: 4m, every: 500ms, max_every: 2s }';
const rules = (http: string): string => `version: 1
rules:
  - name: log
    on: call_hangup
    do: [ { hubspot.log_call: { unknown_contact: create }, ${RETRY} } ]
  - name: post
    on: call_hangup
    do: [ { slack.post_message: { channel: "#calls", text: "${TEXTS.slack}" }, ${RETRY} } ]
  - name: answer
    on: call_hangup
    do: [ { voipbin.send_message: { text: "${TEXTS.sms}", cooldown: 0s }, ${RETRY} } ]
  - name: mail
    on: call_hangup
    do: [ { email.send: { to: office@example.com, subject: "${TEXTS.mail}", text: "It ended." }, ${RETRY} } ]
  - name: tell
    on: call_hangup
    do: [ { http.request: { url: "${http}/calls/{{ id }}", headers: { Idempotency-Key: "" }, timeout: 2s }, ${RETRY} } ]
`;
const ALL: Effect['action'][] = [
  'hubspot.log_call',
  'slack.post_message',
  'voipbin.send_message',
  'email.send',
  'http.request',
];
const EXPECTED: Expected = { call: ALL, message: [] };
/**
 * How often the mail server takes a mail and its answer is lost: so many may come twice. One that falls silent instead
 * takes two minutes more.
 */
const [BROKEN_MAIL_ANSWERS, SILENT_MAIL_ANSWERS] = [2, LOAD_SECONDS >= 60 ? 1 : 0];

type Provider = 'hubspot' | 'slack' | 'voipbin' | 'email' | 'http';

describe('while providers are unavailable', () => {
  let scenario: Scenario;
  let proxies: Record<Provider, TcpProxy>;
  let bridge: SupervisedBridge;
  let dataDir: string;
  let sender: HonestSender;

  beforeAll(async () => {
    scenario = await setUpScenario('provider-outages');
    sender = scenario.newSender();
    const { hubspot, slack, voipbin, email } = scenario.providers;
    const before = async (url: string): Promise<TcpProxy> => {
      const proxy = await TcpProxy.start(new URL(url).host);
      scenario.endLater(() => proxy.refuse());
      return proxy;
    };
    proxies = {
      hubspot: await before(hubspot.url),
      slack: await before(slack.url),
      voipbin: await before(voipbin.url),
      email: await before(email.url),
      http: await before(scenario.http.url),
    };
    const through = Object.values(proxies).map((proxy): [string, string] => [proxy.target, proxy.address]);
    const env = Object.fromEntries(
      Object.entries(scenario.providers.env).map(([name, value]) => [
        name,
        through.reduce((text, [target, address]) => text.replace(target, address), value),
      ]),
    );
    dataDir = scenario.folder.folder();
    bridge = await SupervisedBridge.start(scenario.random, {
      dataDir,
      rules: rules(`http://${proxies.http.address}`),
      env,
    });
    scenario.endLater(() => bridge.end());
  });

  afterAll(() => scenario.tearDown());

  const send = (calls: number): Promise<void> =>
    sender.deliverAll(traffic(scenario.random, { subjects: calls, kinds: ['call'] }), PER_SECOND, () => bridge.webhook);
  const done = (actions: Effect['action'][], withinMs: number): Promise<true> =>
    eventually(
      `${actions.join(', ')} were done for all calls`,
      () =>
        missing({ sender, witness: scenario.witness, expected: { call: actions, message: [] } }) === 0 ? true : null,
      withinMs,
      250,
    );
  const count = (action: Effect['action']): number =>
    scenario.witness.effects().filter((effect) => effect.action === action).length;

  /**
   * Sends calls while some providers refuse connections, and waits until all is done that others do; then lets them
   * come back, in trouble for a while.
   * @returns how many effects of those that were away were seen although they were away.
   */
  async function outage(away: Provider[], awayActions: Effect['action'][], trouble: () => void): Promise<number> {
    const before = awayActions.map(count);
    await Promise.all(away.map((provider) => proxies[provider].refuse()));
    const began = nowMs();
    await send(CALLS);
    await done(
      ALL.filter((action) => !awayActions.includes(action) && action !== 'email.send'),
      MEANWHILE_WITHIN_MS,
    );
    report(
      'provider-outages',
      `${away.join(', ')} away: the others were done with ${CALLS} calls after ${Math.round((nowMs() - began) / 1_000)} s`,
    );
    const seen = awayActions.reduce((sum, action, index) => sum + count(action) - (before[index] ?? 0), 0);
    trouble();
    await Promise.all(away.map((provider) => proxies[provider].accept()));
    return seen;
  }

  it('waits as long as each provider asks for (Retry-After)', async () => {
    const { hubspot, slack, voipbin } = scenario.providers;
    // What is asked once in an hour is asked now.
    await send(1);
    await done(ALL, MEANWHILE_WITHIN_MS);
    const limited = {
      status: 429,
      headers: { 'retry-after': String(RETRY_AFTER_S), 'content-type': 'application/json' },
      body: '{}',
    };
    hubspot.failNext({ how: limited });
    slack.failNext({ how: limited });
    voipbin.failNext({ path: '/messages', how: limited });
    scenario.http.failNext(limited);
    const providers = ['hubspot', 'slack', 'voipbin', 'http'] as const;
    const from = providers.map((provider) => proxies[provider].passed.length);
    await send(1);
    await done(ALL, MEANWHILE_WITHIN_MS);
    const waited = providers.map((provider, index) => {
      const passed = proxies[provider].passed.slice(from[index]);
      const answered = passed.findIndex((each) => each.from === 'server');
      const next = passed.slice(answered).find((each) => each.from === 'client');
      return { provider, ms: Math.round((next?.at ?? 0) - (passed[answered]?.at ?? 0)) };
    });
    report(
      'provider-outages',
      `after a 429 with Retry-After: ${RETRY_AFTER_S} the next request came after ${waited.map(({ provider, ms }) => `${ms} ms (${provider})`).join(', ')}`,
    );
    expect(waited.filter(({ ms }) => ms < RETRY_AFTER_S * 1_000 - EARLIER_BY_MS)).toEqual([]);
  });

  it('keeps using the other providers, and catches up once each', async () => {
    const { hubspot, slack, voipbin, email } = scenario.providers;
    const retryAfter = { status: 429, headers: { 'retry-after': '1' }, body: '{}' };

    const early = await outage(['email', 'hubspot', 'http'], ['email.send', 'hubspot.log_call', 'http.request'], () => {
      hubspot.failNext({ how: { status: 503 }, times: 3 });
      hubspot.failNext({ how: retryAfter });
      hubspot.failNext({ how: 'hang' });
      hubspot.failNext({ how: 'reset', times: 2 });
      hubspot.failNext({ how: 'html', times: 2 });
      hubspot.failNext({ how: 'lose_answer', times: 3, method: 'POST', path: '/calls' });
      email.failNext({ stage: 'greeting', code: 421 });
      email.failNext({ stage: 'mail', code: 451 });
      email.failNext({ stage: 'rcpt', code: 450 });
      email.failNext({ stage: 'data', code: 451 });
      email.failNext('drop_in_data');
      Array.from({ length: BROKEN_MAIL_ANSWERS }, () => email.failNext('drop_after_data'));
      Array.from({ length: SILENT_MAIL_ANSWERS }, () => email.failNext('silent_after_data'));
      scenario.http.failNext({ status: 503 }, 3);
      scenario.http.failNext(retryAfter);
      scenario.http.failNext('hang', 2);
      scenario.http.failNext('reset', 2);
      scenario.http.failNext({ status: 502, headers: { 'content-type': 'text/html' }, body: HTML }, 2);
      scenario.http.failNext('lose_answer', 3);
    });
    expect(early).toBe(0);
    await done(['hubspot.log_call', 'http.request'], DONE_WITHIN_MS);

    const earlyToo = await outage(['slack', 'voipbin'], ['slack.post_message', 'voipbin.send_message'], () => {
      slack.failNext({ how: { status: 503 }, times: 3 });
      slack.failNext({ how: retryAfter });
      slack.failNext({ how: 'hang' });
      slack.failNext({ how: 'reset', times: 2 });
      slack.failNext({ how: 'html', times: 2 });
      slack.failNext({ how: 'lose_answer', times: 3 });
      slack.failNext({ how: 'truncate' });
      voipbin.failNext({ path: '/messages', method: 'POST', how: { status: 503 } });
      voipbin.failNext({ path: '/messages', method: 'POST', how: retryAfter });
      voipbin.failNext({ path: '/messages', method: 'POST', how: 'hang' });
      voipbin.failNext({ path: '/messages', method: 'POST', how: 'reset' });
      voipbin.failNext({
        path: '/messages',
        method: 'POST',
        how: { status: 502, headers: { 'content-type': 'text/html' }, body: HTML },
      });
      voipbin.failNext({ path: '/messages', method: 'POST', how: 'lose_answer', times: 3 });
      voipbin.failNext({ path: '/messages', method: 'POST', how: 'hang_after_effect' });
      voipbin.failNext({ path: '/messages', method: 'POST', how: { status: 503, after_effect: true } });
      voipbin.failNext({ path: '/messages', method: 'GET', how: { status: 503 }, times: 2 });
    });
    expect(earlyToo).toBe(0);

    const began = nowMs();
    const mailTwice = new Set(sender.subjects().keys());
    const findings = await settleAndAudit(
      { sender, witness: scenario.witness, expected: EXPECTED, mailTwice },
      () => openRunsIn(dataDir),
      DONE_WITHIN_MS,
    );
    report(
      'provider-outages',
      `${sender.subjects().size} calls, all done ${Math.round((nowMs() - began) / 1_000)} s after the last outage`,
    );
    expect(findings).toEqual([]);
    expect(count('email.send') - sender.subjects().size).toBeLessThanOrEqual(BROKEN_MAIL_ANSWERS + SILENT_MAIL_ANSWERS);
  });
});
