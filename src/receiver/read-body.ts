import type { Readable } from 'node:stream';

/** How much of all bodies together may be in memory while they are read. */
export class BodyMemory {
  #held = 0;

  constructor(private readonly most: number) {}

  /** @returns false, taking nothing, when there is no room. */
  take(bytes: number): boolean {
    if (this.#held + bytes > this.most) {
      return false;
    }
    this.#held += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}

/**
 * What reading a body came to. `busy`: too many large bodies are being read at once. `broken`: the client went away.
 */
export type BodyRead = { ok: true; body: Buffer } | { ok: false; why: 'too_large' | 'busy' | 'broken' };

/** So much of every body is read whatever the others hold: ordinary events never wait for large ones. */
const ALWAYS = 65_536;

/**
 * Reads a request's body whole. Bounded: one body by `most`, all together by `memory`; how long it may take is the
 * server's request timeout. When it stops early the rest of the stream is left unread.
 */
export function readBody(stream: Readable, most: number, memory: BodyMemory): Promise<BodyRead> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let taken = 0;
    const finish = (read: BodyRead): void => {
      stream.off('data', onData).off('end', onEnd).off('close', onBroken);
      memory.give(taken);
      resolve(read);
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > most) {
        finish({ ok: false, why: 'too_large' });
      } else if (length > ALWAYS && !memory.take(chunk.length)) {
        finish({ ok: false, why: 'busy' });
      } else {
        taken += length > ALWAYS ? chunk.length : 0;
        chunks.push(chunk);
      }
    };
    const onEnd = (): void => {
      const [only] = chunks;
      finish({ ok: true, body: only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks, length) });
    };
    const onBroken = (): void => finish({ ok: false, why: 'broken' });
    // An 'error' is followed by 'close'; the listener stays so that it never goes unheard.
    stream.on('error', () => undefined);
    stream.on('data', onData).on('end', onEnd).on('close', onBroken);
  });
}
