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

/**
 * One kept-alive connection with one request at a time. Written by hand on purpose: a full HTTP client needs as much CPU
 * as the server, and on a small machine the benchmark would measure the client.
 */
class Connection {
  #received = '';
  #waiting: { resolve: (answer: { status: number; body: string }) => void; reject: (error: Error) => void } | null =
    null;
  #failure: Error | null = null;

  private constructor(
    private readonly socket: Socket,
    private readonly head: string,
  ) {
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.#take(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  static async open(url: URL): Promise<Connection> {
    const socket = connect(Number(url.port), url.hostname);
    await once(socket, 'connect');
    return new Connection(
      socket,
      `POST ${url.pathname} HTTP/1.1\r\nhost: ${url.host}\r\ncontent-type: application/json\r\n`,
    );
  }

  /** Whether it can be sent on: a server closes connections that are idle for some seconds. */
  get isOpen(): boolean {
    return this.#failure === null;
  }

  /** @throws Error when the server closes the connection first, or has closed it. */
  send(event: BenchEvent): Promise<{ status: number; body: string }> {
    if (this.#failure !== null) {
      return Promise.reject(this.#failure);
    }
    const head = `${this.head}x-voipbin-signature: ${event.signature}\r\ncontent-length: ${event.body.length}${HEADERS_END}`;
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.socket.cork();
      this.socket.write(head, 'latin1');
      this.socket.write(event.body);
      this.socket.uncork();
    });
  }

  close(): void {
    this.socket.destroy();
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
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(answer);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#waiting?.reject(error);
    this.#waiting = null;
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
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(new URL(url))));
  const answers: Answer[] = [];
  let next = 0;
  const began = nowMs();
  await Promise.all(
    open.map(async (connection) => {
      for (let event = events[next++]; event !== undefined; event = events[next++]) {
        const sentAt = nowMs();
        const answer = await connection.send(event);
        answers.push({ event, ...answer, sentAt, answeredAt: nowMs() });
      }
    }),
  );
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
    const sentAt = nowMs();
    const connection = await take();
    const answer = await connection.send(event);
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
