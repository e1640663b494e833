import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { BenchEvent } from './events';
import { nowMs, until } from './clock';

/** One answer. Times are of {@link nowMs}. */
export interface Answer {
  event: BenchEvent;
  status: number;
  body: string;
  sentAt: number;
  answeredAt: number;
}

/** The most connections; with all in use, the next request waits. */
const MOST_CONNECTIONS = 1_024;
const HEADERS_END = '\r\n\r\n';

/** The whole request that brings an event. */
function requestOf(url: URL, { body, signature }: BenchEvent): Buffer {
  const head = [
    `POST ${url.pathname} HTTP/1.1`,
    `host: ${url.host}`,
    'content-type: application/json',
    `x-voipbin-signature: ${signature}`,
    `content-length: ${body.length}`,
  ].join('\r\n');
  return Buffer.concat([Buffer.from(head + HEADERS_END, 'latin1'), body]);
}

type Taken = (answer: { status: number; body: string } | Error) => void;

/**
 * One kept-alive connection with one request at a time. Written by hand on purpose: a full HTTP client needs as much CPU
 * as the server, and on a small machine the benchmark would measure the client.
 */
class Connection {
  readonly #socket: Socket;
  #received = '';
  #waiting: Taken | null = null;
  #failure: Error | null = null;

  private constructor(url: URL) {
    // Read into one block: a block for every answer would be the client's largest cost after the system calls.
    this.#socket = connect({
      port: Number(url.port),
      host: url.hostname,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(16_384),
        callback: (bytes, block) => {
          this.#take(Buffer.from(block.buffer, block.byteOffset, bytes).toString('latin1'));
          return true;
        },
      },
    });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  static async open(url: URL): Promise<Connection> {
    const connection = new Connection(url);
    await once(connection.#socket, 'connect');
    return connection;
  }

  /** Whether it can be sent on: a server closes connections that are idle for some seconds. */
  get isOpen(): boolean {
    return this.#failure === null;
  }

  /** `taken` gets the answer, or an error when the server closes the connection first, or has closed it. */
  send(request: Buffer, taken: Taken): void {
    if (this.#failure !== null) {
      taken(this.#failure);
      return;
    }
    this.#waiting = taken;
    this.#socket.write(request);
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: string): void {
    this.#received += chunk;
    const end = this.#received.indexOf(HEADERS_END);
    if (end === -1) {
      return;
    }
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#received)?.[1] ?? 0);
    const from = end + HEADERS_END.length;
    if (this.#received.length < from + length) {
      return;
    }
    const answer = { status: Number(this.#received.slice(9, 12)), body: this.#received.slice(from, from + length) };
    this.#received = this.#received.slice(from + length);
    this.#settle(answer);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#settle(error);
  }

  #settle(answer: Parameters<Taken>[0]): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.(answer);
  }
}

/** The result of a closed-loop load. */
export interface ClosedLoop {
  answers: Answer[];
  /** Answers per second. */
  perSecond: number;
  /** From the first request to the last answer. */
  seconds: number;
}

/**
 * Sends the events as fast as they are answered: each connection sends its next event when the last one was answered.
 */
export async function closedLoop(url: string, events: readonly BenchEvent[], connections: number): Promise<ClosedLoop> {
  const target = new URL(url);
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(target)));
  // Made before the clock starts: the client shares the machine with what is measured.
  const requests = events.map((event) => ({ event, bytes: requestOf(target, event) }));
  const answers: Answer[] = [];
  let next = 0;
  const sendAll = (connection: Connection): Promise<void> =>
    new Promise((resolve, reject) => {
      const sendNext = (): void => {
        const request = requests[next++];
        if (request === undefined) {
          resolve();
          return;
        }
        const sentAt = nowMs();
        connection.send(request.bytes, (answer) => {
          if (answer instanceof Error) {
            reject(answer);
            return;
          }
          answers.push({ event: request.event, ...answer, sentAt, answeredAt: nowMs() });
          sendNext();
        });
      };
      sendNext();
    });
  const began = nowMs();
  await Promise.all(open.map(sendAll));
  const seconds = (nowMs() - began) / 1_000;
  open.forEach((connection) => connection.close());
  return { answers, perSecond: events.length / seconds, seconds };
}

/**
 * Sends the events at a fixed rate, even when answers are slow.
 * @param perSecond events per second.
 */
export async function openLoop(url: string, events: readonly BenchEvent[], perSecond: number): Promise<Answer[]> {
  const target = new URL(url);
  // Usually enough, so that connecting is not measured.
  const free = await Promise.all(Array.from({ length: 16 }, () => Connection.open(target)));
  let opened = free.length;
  const answers: Promise<Answer>[] = [];
  const waiting: (() => void)[] = [];
  const take = async (): Promise<Connection> => {
    for (;;) {
      const connection = free.pop();
      if (connection?.isOpen === true) {
        return connection;
      }
      if (connection !== undefined) {
        opened -= 1;
        continue;
      }
      if (opened < MOST_CONNECTIONS) {
        opened += 1;
        return Connection.open(target);
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  const sendOne = async (event: BenchEvent): Promise<Answer> => {
    const request = requestOf(target, event);
    const sentAt = nowMs();
    const connection = await take();
    const answer = await new Promise<{ status: number; body: string }>((resolve, reject) =>
      connection.send(request, (taken) => (taken instanceof Error ? reject(taken) : resolve(taken))),
    );
    const answeredAt = nowMs();
    free.push(connection);
    waiting.shift()?.();
    return { event, ...answer, sentAt, answeredAt };
  };
  const began = nowMs();
  for (const [index, event] of events.entries()) {
    await until(began + (index * 1_000) / perSecond);
    answers.push(sendOne(event));
  }
  const all = await Promise.all(answers);
  free.forEach((connection) => connection.close());
  return all;
}
