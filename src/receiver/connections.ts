import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { subscriberOf } from '../net/address';
import { AddressList } from '../net/address-list';
import { clientAddress } from '../net/client-address';
import type { Callers } from './callers';
import type { ConnectionLimits } from './connection-limits';

/**
 * Why a connection was closed before its time. `idle` and `unfinished`: it gave way to a new one, between requests or
 * before the end of one or of its answer. `address` and `full`: it was new, and none of its address, or none at all, could give way.
 */
export const DROP_REASONS = ['idle', 'unfinished', 'address', 'full'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** A burst of dropped connections has ended when none was dropped for this long. */
const BURST_ENDS_MS = 60_000;
const NO_PROXIES = new AddressList([]);

interface Connection {
  readonly key: string;
  readonly socket: Socket;
  readonly address: string;
  /** All of its address, itself included; the one whose latest request is the oldest is first. */
  readonly ofAddress: Set<Connection>;
  readonly isProxy: boolean;
  /** The answer to its latest request, until it is closed; null at other times, for it holds the request's body. */
  response: ServerResponse<IncomingMessage> | null;
}

/** What {@link Connections} needs. */
export interface ConnectionsOptions {
  limits: ConnectionLimits;
  trustedProxies: AddressList;
  callers: Pick<Callers, 'isSender'>;
  onDropped: (reason: DropReason) => void;
  log: Pick<Logger, 'warn'>;
}

/**
 * Keeps the webhook open to its sender while strangers fill it with connections.
 *
 * When a new connection is one too many, in total or for its address, another one is closed for it: one without a
 * request, or else one whose request has not arrived whole or whose answer is not read; first the one whose latest request
 * is the oldest, and those of senders and trusted proxies after all others. A connection never gives way while the bridge
 * works on the answer to its latest request; a client that sends the next one without waiting may lose the earlier answer.
 * So strangers must open all `total` connections within the time that the sender's request takes to arrive, again and
 * again, to keep it out.
 *
 * The peer counts, not `X-Forwarded-For`: behind a trusted proxy it is the proxy that must limit its clients.
 */
export class Connections {
  /** The one whose latest request is the oldest is first. */
  readonly #open = new Map<string, Connection>();
  /** Those whose key has been written once: it is not written again for every request. */
  readonly #bySocket = new WeakMap<Socket, Connection>();
  readonly #ofAddress = new Map<string, Set<Connection>>();
  #lastDropAt = -Infinity;

  constructor(private readonly options: ConnectionsOptions) {}

  /** Counts a server's connections, and closes them when there are too many. Several servers share the limits. */
  watch(server: Server): void {
    // Of an HTTPS server these are connections that have not begun TLS.
    server.on('connection', (socket: Socket) => this.#opened(socket));
    server.on('request', (request: IncomingMessage, response: ServerResponse) => this.#requested(request, response));
  }

  #opened(socket: Socket): void {
    const { limits, trustedProxies } = this.options;
    const peer = clientAddress(socket.remoteAddress, null, NO_PROXIES);
    if (peer === null) {
      // It has closed already.
      socket.destroy();
      return;
    }
    // A client that resets its connection may come again from the same port before the end of the former is noticed.
    const former = this.#open.get(keyOf(socket));
    if (former !== undefined) {
      this.#forget(former);
    }
    const address = subscriberOf(peer);
    const isProxy = trustedProxies.contains(peer);
    const sameAddress = this.#ofAddress.get(address);
    const isOneTooMany = !isProxy && sameAddress !== undefined && sameAddress.size >= limits.perAddress;
    if (isOneTooMany && !this.#giveWay(sameAddress)) {
      this.#drop(socket, 'address');
      return;
    }
    if (this.#open.size >= limits.total && !this.#giveWay(this.#open.values())) {
      this.#drop(socket, 'full');
      return;
    }
    // Not the one above: it may have been the last of its address, which gave way.
    const ofAddress = this.#ofAddress.get(address) ?? new Set();
    const connection = { key: keyOf(socket), socket, address, ofAddress, isProxy, response: null };
    this.#open.set(connection.key, connection);
    this.#ofAddress.set(address, ofAddress.add(connection));
    socket.once('close', () => this.#forget(connection));
  }

  #requested(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connectionOf(request.socket);
    if (connection === undefined || this.#open.get(connection.key) !== connection) {
      return;
    }
    const { key, ofAddress } = connection;
    connection.response = response;
    response.once('close', () => {
      if (connection.response === response) {
        connection.response = null;
      }
    });
    // Now it is the last.
    this.#open.delete(key);
    this.#open.set(key, connection);
    ofAddress.delete(connection);
    ofAddress.add(connection);
  }

  #connectionOf(socket: Socket): Connection | undefined {
    const known = this.#bySocket.get(socket);
    if (known !== undefined) {
      return known;
    }
    const connection = this.#open.get(keyOf(socket));
    if (connection !== undefined) {
      this.#bySocket.set(socket, connection);
    }
    return connection;
  }

  #forget(connection: Connection): void {
    if (this.#open.get(connection.key) !== connection) {
      return;
    }
    this.#open.delete(connection.key);
    connection.ofAddress.delete(connection);
    if (connection.ofAddress.size === 0) {
      this.#ofAddress.delete(connection.address);
    }
  }

  /** Closes the one that gives way first. @returns false when none can. */
  #giveWay(connections: Iterable<Connection>): boolean {
    const first = this.#firstOf(connections);
    if (first === null) {
      return false;
    }
    const [connection, reason] = first;
    this.#forget(connection);
    this.#drop(connection.socket, reason);
    return true;
  }

  #firstOf(connections: Iterable<Connection>): [Connection, DropReason] | null {
    let stranger: Connection | null = null;
    let idleSender: Connection | null = null;
    let sender: Connection | null = null;
    // Who is a sender is asked as rarely as possible: while strangers fill the webhook, this runs for each of them.
    for (const connection of connections) {
      const { response } = connection;
      if (response === null) {
        if (!this.#isSender(connection)) {
          return [connection, 'idle'];
        }
        idleSender ??= connection;
      } else if (stranger === null && canGiveWay(response)) {
        if (this.#isSender(connection)) {
          sender ??= connection;
        } else {
          stranger = connection;
        }
      }
    }
    if (stranger !== null) {
      return [stranger, 'unfinished'];
    }
    if (idleSender !== null) {
      return [idleSender, 'idle'];
    }
    return sender === null ? null : [sender, 'unfinished'];
  }

  #isSender({ isProxy, address }: Connection): boolean {
    return isProxy || this.options.callers.isSender(address);
  }

  #drop(socket: Socket, reason: DropReason): void {
    socket.destroy();
    this.options.onDropped(reason);
    const now = performance.now();
    if (now - this.#lastDropAt > BURST_ENDS_MS) {
      this.options.log.warn(
        { reason },
        'the webhook has too many connections: those without a finished request are closed (bridge_connections_dropped_total)',
      );
    }
    this.#lastDropAt = now;
  }
}

/** Whether the bridge waits for the client: to finish its request, or to read the answer. */
function canGiveWay({ req, writableEnded }: ServerResponse<IncomingMessage>): boolean {
  return !req.complete || writableEnded;
}

/** The same for a TCP connection and the TLS connection in it. */
function keyOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress}`;
}
