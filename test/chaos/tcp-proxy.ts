import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { nowMs } from '../../bench/clock';

/** A TCP proxy before one server, that can be slow, or gone. */
export class TcpProxy {
  /** How much later every byte arrives, each way. Milliseconds. */
  delayMs = 0;
  /** When bytes went which way, in their order. Moments of the bench clock. */
  readonly passed: { from: 'client' | 'server'; at: number }[] = [];
  #server: Server | null = null;
  readonly #sockets = new Set<Socket>();

  private constructor(
    /** The server behind it, `host:port`. */
    readonly target: string,
    private port: number,
  ) {}

  /** @param target `host:port`. */
  static async start(target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(target, 0);
    await proxy.accept();
    return proxy;
  }

  /** `127.0.0.1:port`; stays the same. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Takes connections, again after {@link refuse}. */
  async accept(): Promise<void> {
    const server = createServer((socket) => this.#join(socket));
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(this.port, '127.0.0.1', resolve));
    const address: AddressInfo | string | null = server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
    this.#server = server;
  }

  /** Breaks all connections and refuses new ones. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    const closed = new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)));
    this.#sockets.forEach((socket) => socket.destroy());
    await closed;
  }

  #join(client: Socket): void {
    const [host = '', port = ''] = this.target.split(':');
    const server = connect(Number(port), host);
    this.#pass(client, server, 'client');
    this.#pass(server, client, 'server');
  }

  #pass(from: Socket, to: Socket, who: 'client' | 'server'): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (chunk: Buffer) => {
      this.passed.push({ from: who, at: nowMs() });
      this.#later(() => to.write(chunk));
    });
    from.on('end', () => this.#later(() => to.end()));
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      this.#later(() => to.destroy());
    });
  }

  /**
   * In the order of the calls, for time-outs of equal length fire in order; a delay that ends lets bytes through once
   * those before them are.
   */
  #later(act: () => void): void {
    if (this.delayMs === 0) {
      act();
    } else {
      setTimeout(act, this.delayMs);
    }
  }
}
