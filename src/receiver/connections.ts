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
  readonly isProxy: boolean;
  /** Requests that are not answered yet; more than one when the client sends them without waiting. */
  requests: number;
  /** The last answer. */
  response: ServerResponse<IncomingMessage> | null;
}

/** Connections that can give way, the longest waiting first. */
class Waiting {
  readonly idle = new Set<Connection>();
  readonly unfinished = new Set<Connection>();

  delete(connection: Connection): void {
    this.idle.delete(connection);
    this.unfinished.delete(connection);
  }

  /** The connection that gives way first; null when the bridge is working on the answers of all. */
  first(): [Connection, DropReason] | null {
    for (const connection of this.idle) {
      return [connection, 'idle'];
    }
    for (const connection of this.unfinished) {
      const { response } = connection;
      // A client that does not read its answer is no better than one that does not finish its request.
      if (response === null || !response.req.complete || response.writableEnded) {
        return [connection, 'unfinished'];
      }
    }
    return null;
  }
}

/** Connections of one address. */
class OfAddress extends Waiting {
  open = 0;
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
 * request, or else one whose request has not arrived whole or whose answer is not read; the longest waiting first, and
 * those of senders and trusted proxies after all others. A connection never gives way while the bridge works on its
 * answer. So strangers must open all `total` connections within the time that the sender's request takes to arrive, again
 * and again, to keep it out.
 *
 * The peer counts, not `X-Forwarded-For`: behind a trusted proxy it is the proxy that must limit its clients.
 */
export class Connections {
  readonly #open = new Map<string, Connection>();
  /** Those whose key has been written once: it is not written again for every request. */
  readonly #bySocket = new WeakMap<Socket, Connection>();
  readonly #ofAddress = new Map<string, OfAddress>();
  readonly #strangers = new Waiting();
  readonly #senders = new Waiting();
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
    const address = subscriberOf(peer);
    const isProxy = trustedProxies.contains(peer);
    const sameAddress = this.#ofAddress.get(address);
    const isOneTooMany = !isProxy && sameAddress !== undefined && sameAddress.open >= limits.perAddress;
    if (isOneTooMany && !this.#giveWay(sameAddress)) {
      this.#drop(socket, 'address');
      return;
    }
    if (this.#open.size >= limits.total && !this.#giveWay(this.#strangers) && !this.#giveWay(this.#senders)) {
      this.#drop(socket, 'full');
      return;
    }
    const connection = { key: keyOf(socket), socket, address, isProxy, requests: 0, response: null };
    this.#open.set(connection.key, connection);
    const ofAddress = this.#ofAddress.get(address) ?? new OfAddress();
    ofAddress.open += 1;
    this.#ofAddress.set(address, ofAddress);
    this.#wait(connection, 'idle');
    socket.once('close', () => this.#forget(connection));
  }

  #requested(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connectionOf(request.socket);
    if (connection === undefined) {
      return;
    }
    connection.requests += 1;
    connection.response = response;
    this.#wait(connection, 'unfinished');
    response.once('close', () => {
      connection.requests -= 1;
      if (connection.requests === 0) {
        connection.response = null;
        this.#wait(connection, 'idle');
      }
    });
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

  /** Puts a connection last among those that wait for the same. */
  #wait(connection: Connection, state: 'idle' | 'unfinished'): void {
    if (this.#open.get(connection.key) !== connection) {
      return;
    }
    this.#strangers.delete(connection);
    this.#senders.delete(connection);
    const isSender = connection.isProxy || this.options.callers.isSender(connection.address);
    (isSender ? this.#senders : this.#strangers)[state].add(connection);
    const ofAddress = this.#ofAddress.get(connection.address);
    ofAddress?.delete(connection);
    ofAddress?.[state].add(connection);
  }

  #forget(connection: Connection): void {
    if (this.#open.get(connection.key) !== connection) {
      return;
    }
    this.#open.delete(connection.key);
    this.#strangers.delete(connection);
    this.#senders.delete(connection);
    const ofAddress = this.#ofAddress.get(connection.address);
    if (ofAddress !== undefined) {
      ofAddress.delete(connection);
      ofAddress.open -= 1;
      if (ofAddress.open === 0) {
        this.#ofAddress.delete(connection.address);
      }
    }
  }

  /** Closes the first that can give way. @returns false when none can. */
  #giveWay(waiting: Waiting): boolean {
    const first = waiting.first();
    if (first === null) {
      return false;
    }
    const [connection, reason] = first;
    this.#forget(connection);
    this.#drop(connection.socket, reason);
    return true;
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

/** The same for a TCP connection and the TLS connection in it. */
function keyOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress}`;
}
