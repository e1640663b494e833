import { connect, type Socket } from 'node:net';

/** A connection of a stranger, or of a client that a test writes to by hand. */
export interface Client {
  socket: Socket;
  /** What came back so far. */
  received: () => string;
  isOpen: () => boolean;
  /** Resolves when the connection has ended, in whatever way. */
  ended: Promise<void>;
}

/** Connects to a door. @param from the client's address: any in 127.0.0.0/8 is this machine. */
export function connectTo(url: string, from = '127.0.0.1', sent: string | Buffer = ''): Promise<Client> {
  const { port, hostname } = new URL(url);
  return new Promise((resolve, reject) => {
    let received = '';
    let isOpen = true;
    const socket = connect({ port: Number(port), host: hostname, localAddress: from });
    const ended = new Promise<void>((end) => {
      socket.once('close', () => {
        isOpen = false;
        end();
      });
    });
    socket.setEncoding('latin1').on('data', (text: string) => {
      received += text;
    });
    socket.on('error', reject);
    socket.once('connect', () => {
      if (sent.length > 0) {
        socket.write(sent);
      }
      resolve({ socket, received: () => received, isOpen: () => isOpen, ended });
    });
  });
}

/** Resolves when a condition holds; looks at it whenever the event loop has turned. Rejects after 25 seconds. */
export async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 25_000;
  while (!holds()) {
    if (Date.now() > deadline) {
      throw new Error(`not within 25 seconds: ${holds.toString()}`);
    }
    await new Promise(setImmediate);
  }
}
