import { setTimeout as delay } from 'node:timers/promises';
import { REAL_LIMITS, startHubSpotStandIn, type HubSpotStandIn } from '../../src/connectors/hubspot/stand-in/server';
import { BridgeProcess } from '../bridge-process';
import { eventually, nowMs } from '../clock';
import { makeEvents, type BenchEvent } from '../events';
import { closedLoop } from '../http-load';
import { logCallSimply } from '../simple-hubspot';
import { round } from '../statistics';
import { faultsOf } from './answers';
import { say, type Figure, type Scale } from './figure';

const TOKEN = 'token-of-the-benchmark';
const CONNECTIONS = 50;
/** The share of callers that are contacts already. */
const KNOWN = 0.6;
/** The slowest rate of calls that is waited for. */
const SLOWEST_CALLS_PER_SECOND = 1;
const LOOK_EVERY_MS = 200;
/** The simple program's pace: what HubSpot allows over a longer time. */
const REQUESTS_PER_SECOND = 10;
const REQUESTS_A_CALL = 3;

const RULES = `version: 1
defaults: { country: US }
rules:
  - name: log-calls
    on: call_hungup
    when: { direction: inbound }
    do:
      - hubspot.log_call:
          title: "{{ id }}"
          body: "Ended: {{ reason | default: 'unknown' }}"
          unknown_contact: create
`;

/** How many calls a program logged, and how fast. */
interface Logged {
  calls: number;
  per_s: number;
  /** Requests to HubSpot, refused ones included. */
  requests: number;
  faults: string[];
}

/**
 * Ended calls into a HubSpot that enforces its limits: every call logged once, with its contact, which is found or
 * created. Compared with a program that makes three requests a call, at the ten requests per second that HubSpot allows.
 * Both begin with an account of their own.
 */
export async function hubspot(scale: Scale): Promise<Figure> {
  const bridge = await byBridge(scale.calls.bridge);
  const simple = await bySimpleProgram(scale.calls.simple);
  const { requestsPerTenSeconds, searchesPerSecond, answerDelayMs, indexDelayMs } = REAL_LIMITS;
  return {
    title: `${bridge.calls} calls into a HubSpot with its limits, calls/s`,
    bridge: `${bridge.per_s.toFixed(1)}/s`,
    anchor: `${simple.per_s.toFixed(2)}/s`,
    ratio: bridge.per_s / simple.per_s,
    target: { better: 'higher', floor: 8, aim: 20 },
    notes: [
      `anchor: ${REQUESTS_A_CALL} requests a call at ${REQUESTS_PER_SECOND}/s, measured over ${simple.calls} calls`,
      `${KNOWN * 100} % of the callers are contacts; ${requestsPerTenSeconds} requests in 10 s, ${searchesPerSecond} searches/s, ${answerDelayMs} ms an answer, index ${indexDelayMs / 1_000} s behind`,
      `requests a call: ${(bridge.requests / bridge.calls).toFixed(2)} against ${(simple.requests / simple.calls).toFixed(2)}`,
    ],
    faults: [...bridge.faults, ...simple.faults],
    raw: { bridge, simple, limits: REAL_LIMITS },
  };
}

async function byBridge(count: number): Promise<Logged> {
  const events = makeEvents(count, true);
  const account = await accountFor(events);
  const settings = `connections: ${JSON.stringify({ hubspot: account.settings })}\n`;
  const bridge = await BridgeProcess.start({ mode: 'all', rules: RULES, settings });
  try {
    // What the bridge asks when it starts is not paid by the calls, and has left HubSpot's ten seconds.
    await delay(10_000);
    return await measure('bridge', account, events, async () =>
      faultsOf('bridge', (await closedLoop(bridge.webhook, events, CONNECTIONS)).answers, 'received'),
    );
  } finally {
    await bridge.remove();
    await account.stop();
  }
}

async function bySimpleProgram(count: number): Promise<Logged> {
  const events = makeEvents(count, true);
  const account = await accountFor(events);
  try {
    return await measure('simple program', account, events, async () => {
      const everyMs = (REQUESTS_A_CALL * 1_000) / REQUESTS_PER_SECOND;
      await Promise.all(
        events.map(async (event, index) => {
          await delay(index * everyMs);
          await logCallSimply(account.url, TOKEN, event);
        }),
      );
      return [];
    });
  } finally {
    await account.stop();
  }
}

/** A HubSpot with its limits, where the first 60 % of the callers are contacts, their numbers written in several ways. */
function accountFor(events: readonly BenchEvent[]): Promise<HubSpotStandIn> {
  const contacts = events.slice(0, events.length * KNOWN).map((event, index) => {
    const digits = event.caller.slice('+1'.length);
    const [area, exchange, line] = [digits.slice(0, 3), digits.slice(3, 6), digits.slice(6)];
    const written = [event.caller, `(${area}) ${exchange}-${line}`, `${area}.${exchange}.${line}`, digits];
    return { firstname: 'Caller', lastname: String(index), phone: written[index % written.length] ?? digits };
  });
  return startHubSpotStandIn({ ...REAL_LIMITS, accessToken: TOKEN, contacts });
}

async function measure(
  who: string,
  account: HubSpotStandIn,
  events: readonly BenchEvent[],
  work: () => Promise<string[]>,
): Promise<Logged> {
  const before = account.requests.length;
  const began = nowMs();
  const faults = await work();
  const isDone = (): true | null =>
    account.calls.filter(({ contactIds }) => contactIds.length > 0).length >= events.length ? true : null;
  // What is missing after this time counts as lost.
  const withinMs = (events.length * 1_000) / SLOWEST_CALLS_PER_SECOND;
  await eventually('all calls were logged', isDone, withinMs, LOOK_EVERY_MS).catch(() => undefined);
  const per_s = round((events.length * 1_000) / (nowMs() - began));
  const requests = account.requests.length - before;
  say(`  ${who}: ${per_s} calls/s, ${requests} requests for ${events.length} calls`);
  return { calls: events.length, per_s, requests, faults: [...faults, ...faultsIn(who, account, events)] };
}

/** Looks up every call and every contact: each once, each call with the contact of its caller alone. */
function faultsIn(who: string, account: HubSpotStandIn, events: readonly BenchEvent[]): string[] {
  const contactsOf = byText(account.contacts, ({ properties }) => lastDigits(properties['phone'] ?? ''));
  const callsOf = byText(account.calls, ({ properties }) => properties['hs_call_title'] ?? '');
  const wrong = { lost: 0, twice: 0, contact: 0, contactTwice: 0 };
  for (const { id, caller } of events) {
    const calls = callsOf.get(id) ?? [];
    const contacts = contactsOf.get(lastDigits(caller)) ?? [];
    wrong.lost += calls.length === 0 ? 1 : 0;
    wrong.twice += Math.max(0, calls.length - 1);
    wrong.contactTwice += Math.max(0, contacts.length - 1);
    wrong.contact += calls.filter(({ contactIds }) => contactIds.join() !== contacts[0]?.id).length;
  }
  return Object.values(wrong).some((count) => count > 0)
    ? [
        `${who}: ${wrong.lost} calls were lost, ${wrong.twice} logged twice, ${wrong.contact} with a wrong contact; ${wrong.contactTwice} contacts were created twice`,
      ]
    : [];
}

function byText<Item>(items: readonly Item[], textOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const text = textOf(item);
    groups.set(text, [...(groups.get(text) ?? []), item]);
  }
  return groups;
}

/** A number of the benchmark without country code and separators. */
function lastDigits(number: string): string {
  return number.replaceAll(/\D/g, '').slice(-10);
}
