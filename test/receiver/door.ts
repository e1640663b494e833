import { request as httpRequest, type Agent, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { Registry } from 'prom-client';
import type { CanonicalEvent } from '../../src/events/canonical-event';
import { OwnNumbers } from '../../src/events/own-numbers';
import { Inbox } from '../../src/inbox/inbox';
import { InboxReader } from '../../src/inbox/archive/reader';
import { Ingest } from '../../src/ingest/ingest';
import type { EventRules } from '../../src/ingest/match-event';
import { ReceiverMetrics } from '../../src/receiver/metrics';
import { createReceiver, type Receiver, type ReceiverOptions, type ReceiverSettings } from '../../src/receiver/server';
import { dataFolder, inboxOptions, planOf, removeDataFolders, sentences } from '../inbox/entries';

/** A request to the webhook, or to `path`. */
export interface Sent {
  method?: string;
  path?: string;
  payload?: string | Buffer;
  headers?: Record<string, string>;
  agent?: Agent;
}

/** Its answer; `json` is null when the body is none. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  json: { status?: string; id?: string; error?: string; message?: string; service?: string; webhook?: string } | null;
}

/** Sends a request over a real connection. */
export function sendTo(
  url: string,
  { method = 'POST', path = '/voipbin/webhook', payload, headers = {}, agent }: Sent,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = payload === undefined ? {} : { 'content-length': String(Buffer.byteLength(payload)) };
    const request = httpRequest(
      new URL(url).origin,
      { method, path, headers: { ...length, ...headers }, ...(agent === undefined ? {} : { agent }) },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            json: text.startsWith('{') ? JSON.parse(text) : null,
          });
        });
      },
    );
    request.on('error', reject);
    request.end(payload);
  });
}

/** A receiver with a real inbox, and what is needed to look behind it. */
export interface Door {
  url: string;
  /** Sends it, and waits until what was kept of it can be read. */
  send: (request: Sent) => Promise<Answer>;
  receiver: Receiver;
  inbox: Inbox;
  reader: InboxReader;
  metrics: ReceiverMetrics;
  ownNumbers: OwnNumbers;
  log: ReturnType<typeof sentences>;
  appended: { count: number };
}

const open: Door[] = [];

/** Rules that want hang-ups and nothing else. */
export const wantHangups = {
  hash: '0123456789ab',
  plan: (event: CanonicalEvent) => (event.type === 'call_hangup' ? planOf('log-call') : null),
};

/** Opens a door on a free port. */
export async function openDoor(
  settings: Partial<ReceiverSettings> = {},
  {
    ruleSet = () => wantHangups,
    onRuleFailed,
    ...more
  }: Partial<ReceiverOptions> & { ruleSet?: () => EventRules; onRuleFailed?: (rule: string) => void } = {},
): Promise<Door> {
  const dataDir = dataFolder();
  const metrics = new ReceiverMetrics(new Registry());
  const log = sentences();
  const appended = { count: 0 };
  const inbox = await Inbox.open(
    inboxOptions(dataDir, {
      log,
      onProblem: (code) => metrics.storeFailed(code),
      onCommit: (records, tookMs) => metrics.committed(records, tookMs),
      onPending: (events) => (appended.count += events),
    }),
  );
  metrics.watch(inbox);
  const ownNumbers = new OwnNumbers([], null);
  const receiver = await createReceiver({
    settings: {
      host: '127.0.0.1',
      port: 0,
      secrets: [],
      allow: [],
      trustProxy: false,
      tls: null,
      noisePerMinute: 60,
      ...settings,
    },
    ingest: new Ingest({ inbox, ruleSet, ownNumbers, log, ...(onRuleFailed === undefined ? {} : { onRuleFailed }) }),
    metrics,
    log,
    ...more,
  });
  const url = await receiver.listen();
  const door = {
    url,
    send: (request: Sent) => sendTo(url, request),
    receiver,
    inbox,
    reader: InboxReader.open(dataDir),
    metrics,
    ownNumbers,
    log,
    appended,
  };
  open.push(door);
  return door;
}

/** Closes all doors, after each test. */
export async function closeDoors(): Promise<void> {
  for (const door of open.splice(0)) {
    await door.receiver.close();
    await door.inbox.close();
    door.reader.close();
  }
  removeDataFolders();
}

/** Sends raw text or bytes on one connection and gives all that comes back until it ends, or until `until` matches. */
export function rawExchange(url: string, pieces: (string | Buffer)[], until?: RegExp): Promise<string> {
  const { port, hostname } = new URL(url);
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(Number(port), hostname, () => {
      for (const piece of pieces) {
        socket.write(piece);
      }
    });
    const finish = (): void => {
      socket.destroy();
      resolve(received);
    };
    socket.setTimeout(25_000, () => {
      socket.destroy();
      reject(new Error(`no end in sight after: ${received.slice(0, 500)}`));
    });
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (until?.test(received) === true) {
        finish();
      }
    });
    socket.on('close', finish);
    socket.on('error', () => undefined);
  });
}

/** The `call_hangup` of a call, as a body. */
export function hangup(id: string, more: Record<string, unknown> = {}): string {
  return JSON.stringify({ type: 'call_hangup', data: { id, ...more } });
}
