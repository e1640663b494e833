import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { startBackfill, type BackfillOptions, type RunningBackfill } from '../../src/backfill/backfill';
import { Ingest } from '../../src/ingest/ingest';
import { BackfillMetrics } from '../../src/backfill/metrics';
import type { PassResult } from '../../src/backfill/pass';
import { VoipbinClient } from '../../src/connectors/voipbin/client';
import { startVoipbinStandIn, type VoipbinStandIn } from '../../src/connectors/voipbin/stand-in/server';
import { OwnNumbers } from '../../src/events/own-numbers';
import type { JsonObject } from '../../src/events/json';
import { Inbox } from '../../src/inbox/inbox';
import { InboxReader } from '../../src/inbox/archive/reader';
import { ReceiverMetrics } from '../../src/receiver/metrics';
import { createReceiver, type Receiver } from '../../src/receiver/server';
import type { RuleSet } from '../../src/rules/rule-set';
import { HostList } from '../../src/net/host-list';
import { Secret } from '../../src/settings/secret';
import { inboxOptions, sentences } from '../inbox/entries';
import { ruleSetOf } from '../rules/load-text';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** Calls are wanted, inbound texts too (under both their names), recordings are not. */
export const RULES = `version: 1
rules:
  - name: log-calls
    on: call_hungup
    do: [{ slack.post_message: { channel: "#calls", text: x } }]
  - name: auto-reply
    on: [message_created, conversation_message_created]
    when: { direction: inbound }
    do: [{ slack.post_message: { channel: "#texts", text: x } }]
`;

/** VoIPBIN, a client of it, and the end of both. */
export interface Account {
  standIn: VoipbinStandIn;
  client: VoipbinClient;
  close(): Promise<void>;
}

export async function openAccount(): Promise<Account> {
  const standIn = await startVoipbinStandIn();
  const client = new VoipbinClient({
    apiUrl: standIn.url,
    accessKey: new Secret('vb_stand-in'),
    downloadAllow: HostList.EMPTY,
  });
  return {
    standIn,
    client,
    close: async () => {
      await client.close();
      await standIn.stop();
    },
  };
}

/** A receiver's parts with a webhook on a free port, on a data folder. */
export interface Bridge {
  dataDir: string;
  webhook: string;
  inbox: Inbox;
  reader: InboxReader;
  metrics: Registry;
  log: ReturnType<typeof sentences>;
  appended: { count: number };
  /** Starts backfill and gives its passes as they end. */
  backfill(account: Account, more?: Partial<BackfillOptions>): Backfilling;
  /** One pass, from start to stop. */
  pass(account: Account, more?: Partial<BackfillOptions>): Promise<PassResult>;
  /** Sends a body to the webhook. @returns the answer's `status`. */
  send(type: string, data: JsonObject, contentType?: string): Promise<string>;
  close(): Promise<void>;
}

/** Backfill at work, and its passes. */
export interface Backfilling {
  running: RunningBackfill;
  /** The next pass that ends and was not asked for before. */
  next: () => Promise<PassResult>;
}

export async function openBridge(
  dataDir: string,
  options: { rules?: string; secrets?: Secret[] } = {},
): Promise<Bridge> {
  const rules: RuleSet = ruleSetOf(options.rules ?? RULES);
  const log = sentences();
  const registry = new Registry();
  const backfillMetrics = new BackfillMetrics(registry);
  const appended = { count: 0 };
  const inbox = await Inbox.open(inboxOptions(dataDir, { log, onPending: (events) => (appended.count += events) }));
  const reader = InboxReader.open(dataDir);
  const ownNumbers = new OwnNumbers(inbox.ownNumbers(), null);
  const ingest = new Ingest({ inbox, ruleSet: () => rules, ownNumbers, log });
  const receiver: Receiver = await createReceiver({
    settings: {
      host: '127.0.0.1',
      port: 0,
      secrets: options.secrets ?? [],
      allow: [],
      trustProxy: false,
      tls: null,
      noisePerMinute: 60,
    },
    ingest,
    metrics: new ReceiverMetrics(registry),
    log,
  });
  const webhook = `${await receiver.listen()}/voipbin/webhook`;
  const running: RunningBackfill[] = [];
  const bridge: Bridge = {
    dataDir,
    webhook,
    inbox,
    reader,
    metrics: registry,
    log,
    appended,
    backfill: (account, more = {}) => {
      const passes: PassResult[] = [];
      const waiting: ((result: PassResult) => void)[] = [];
      const started = startBackfill({
        dataDir,
        client: account.client,
        ingest,
        log,
        metrics: backfillMetrics,
        newestEventAt: reader.newestAt(),
        ...more,
        timings: { everyMs: HOUR, longestGapMs: 24 * HOUR, ...more.timings },
        limits: { pagePauseMs: 1, ...more.limits },
        onPass: (result) => {
          const first = waiting.shift();
          if (first === undefined) {
            passes.push(result);
          } else {
            first(result);
          }
        },
      });
      running.push(started);
      return {
        running: started,
        next: () => {
          const first = passes.shift();
          return first === undefined
            ? new Promise<PassResult>((resolve) => waiting.push(resolve))
            : Promise.resolve(first);
        },
      };
    },
    pass: async (account, more) => {
      const backfilling = bridge.backfill(account, more);
      const result = await backfilling.next();
      await backfilling.running.stop();
      return result;
    },
    send: async (type, data, contentType = 'application/json') => {
      const answer = await fetch(webhook, {
        method: 'POST',
        body: JSON.stringify({ type, data }),
        headers: { 'content-type': contentType },
      });
      const json: unknown = await answer.json();
      return typeof json === 'object' && json !== null && 'status' in json
        ? String(json.status)
        : `HTTP ${answer.status}`;
    },
    close: async () => {
      await Promise.all(running.map((one) => one.stop()));
      await receiver.close();
      reader.close();
      await inbox.close();
    },
  };
  return bridge;
}

/** A clock that stands this long before the real one (negative: after). */
export function clock(behindMs: number): () => Date {
  return () => new Date(Date.now() - behindMs);
}

/** A time of VoIPBIN's, so long ago. */
export function ago(ms: number): string {
  return new Date(Date.now() - ms).toISOString();
}

/** A call that ended, so long ago, after a minute. */
export function endedCall(id: string, agoMs: number): JsonObject {
  return {
    id,
    source: { type: 'tel', target: '+15551234567' },
    destination: { type: 'tel', target: '+15559876543' },
    status: 'hangup',
    direction: 'incoming',
    hangup_reason: 'normal',
    tm_create: ago(agoMs + MINUTE),
    tm_progressing: ago(agoMs + MINUTE - 5_000),
    tm_hangup: ago(agoMs),
    tm_update: ago(agoMs),
  };
}

/** A text that came in, so long ago. */
export function text(id: string, agoMs: number): JsonObject {
  return {
    id,
    type: 'sms',
    source: { type: 'tel', target: '+15551234567' },
    targets: [{ destination: { type: 'tel', target: '+15559876543' }, status: 'received', parts: 1, tm_update: null }],
    text: 'hello',
    direction: 'inbound',
    tm_create: ago(agoMs),
  };
}

/** Every (rule, resource) that a run was planned for, sorted: what would be done. */
export function planned(reader: InboxReader): string[] {
  return reader
    .pendingAfter(0, 10_000)
    .flatMap(({ plan, event }) => plan.rules.map(({ name }) => `${name} ${event.id}`))
    .sort();
}

/** All event ids in the inbox, sorted. */
export function kept(reader: InboxReader): string[] {
  return reader
    .list({ limit: 10_000 })
    .map(({ event }) => event.event_id)
    .sort();
}

/** What backfill has noted on the disk. */
export function noted(dataDir: string): Record<string, unknown> {
  const parsed: unknown = JSON.parse(readFileSync(join(dataDir, 'backfill.json'), 'utf8'));
  return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
}
