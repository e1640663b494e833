import type { Readable } from 'node:stream';

/** Limits how much of all bodies together is in memory while they are read. */
export class BodyMemory {
  #heldBytes = 0;

  constructor(private readonly maxBytes: number) {}

  /** @returns false, acquiring nothing, when there is not enough left. */
  acquire(bytes: number): boolean {
    if (this.#heldBytes + bytes > this.maxBytes) {
      return false;
    }
    this.#heldBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}

/** Why a body was not read. `busy`: no memory is left for it at present. `broken`: the client closed the connection. */
export type BodyFailure = 'too_large' | 'busy' | 'broken';

/** Result of {@link readBody}. */
export type BodyRead = { ok: true; body: Buffer } | { ok: false; failure: BodyFailure };

/** The first bytes of every body need no memory of {@link BodyMemory}: ordinary events never wait for large ones. */
const FREE_BYTES = 65_536;

/**
 * Reads a request's body whole.
 *
 * Bounded in size: one body by `maxBytes`, all together by `memory`. Not bounded in time: the server's request time-out
 * does that. When it stops early, the rest of the stream is left unread.
 */
export function readBody(stream: Readable, maxBytes: number, memory: BodyMemory): Promise<BodyRead> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let acquired = 0;
    const finish = (read: BodyRead): void => {
      stream.off('data', onData).off('end', onEnd).off('close', onClose);
      memory.release(acquired);
      resolve(read);
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > maxBytes) {
        finish({ ok: false, failure: 'too_large' });
      } else if (length > FREE_BYTES && !memory.acquire(chunk.length)) {
        finish({ ok: false, failure: 'busy' });
      } else {
        acquired += length > FREE_BYTES ? chunk.length : 0;
        chunks.push(chunk);
      }
    };
    const onEnd = (): void => {
      const [only] = chunks;
      finish({ ok: true, body: only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks, length) });
    };
    const onClose = (): void => finish({ ok: false, failure: 'broken' });
    // 'close' follows 'error'. Without a listener the error would end the process.
    stream.on('error', () => undefined);
    stream.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}
