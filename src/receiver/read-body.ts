import type { Readable } from 'node:stream';
import type { Callers } from './callers';

/** How much memory bodies may take while they are read, in bytes. The first {@link FREE_BYTES} of each do not count. */
export interface BodyLimits {
  total: number;
  /** For one address that is not a sender. */
  perStranger: number;
}

/** Why a body was not read. `busy`: there is no memory for it at present. `broken`: the client closed the connection. */
export type BodyFailure = 'too_large' | 'busy' | 'broken';

/** Result of {@link readBody}. */
export type BodyRead = { ok: true; body: Buffer } | { ok: false; failure: BodyFailure };

/** The first bytes of every body need no memory of {@link BodyMemory}: ordinary events never wait for large ones. */
const FREE_BYTES = 65_536;
/** Chunks are joined when there are this many: each takes memory of its own, however small it is. */
const MAX_CHUNKS = 256;

/** A large body that is being read. */
interface Reading {
  readonly address: string;
  readonly isSender: boolean;
  bytes: number;
  /** Stops reading it, and releases its memory. */
  giveWay: () => void;
}

/**
 * Shares the memory for large bodies between the addresses that send them.
 *
 * An address that is not a sender has a share. When its share is used up, its own oldest unfinished body gives way to the
 * new one. When all memory is used up, the oldest body of a stranger does, else the oldest of the same address. So bodies
 * that never end cannot keep others out. A noisy address gets no memory, unless it is a sender.
 */
export class BodyMemory {
  /** The oldest first. */
  readonly #readings = new Set<Reading>();
  readonly #bytesOf = new Map<string, number>();
  #bytes = 0;

  constructor(
    private readonly limits: BodyLimits,
    private readonly callers: Pick<Callers, 'isSender' | 'isNoisy'>,
  ) {}

  /** @returns null when the address gets no memory. */
  open(address: string, giveWay: () => void): Reading | null {
    const isSender = this.callers.isSender(address);
    if (!isSender && this.callers.isNoisy(address)) {
      return null;
    }
    const reading = { address, isSender, bytes: 0, giveWay };
    this.#readings.add(reading);
    return reading;
  }

  /** Takes memory for a body, if need be from others. @returns false, acquiring nothing, when there is not enough. */
  acquire(reading: Reading, bytes: number): boolean {
    const { address, isSender } = reading;
    const { total, perStranger } = this.limits;
    const isSameAddress = (other: Reading): boolean => other.address === address;
    const share = isSender ? total : perStranger;
    while ((this.#bytesOf.get(address) ?? 0) + bytes > share) {
      if (!this.#oldestGivesWay(isSameAddress, reading)) {
        return false;
      }
    }
    while (this.#bytes + bytes > total) {
      const isStranger = (other: Reading): boolean => !other.isSender;
      if (!this.#oldestGivesWay(isStranger, reading) && !this.#oldestGivesWay(isSameAddress, reading)) {
        return false;
      }
    }
    this.#add(reading, bytes);
    return true;
  }

  close(reading: Reading): void {
    this.#readings.delete(reading);
    this.#add(reading, -reading.bytes);
  }

  /** @returns false when the oldest is the one that needs the room, or there is none. */
  #oldestGivesWay(isCandidate: (reading: Reading) => boolean, to: Reading): boolean {
    for (const reading of this.#readings) {
      if (isCandidate(reading)) {
        if (reading === to) {
          return false;
        }
        reading.giveWay();
        return true;
      }
    }
    return false;
  }

  #add(reading: Reading, bytes: number): void {
    reading.bytes += bytes;
    this.#bytes += bytes;
    const ofAddress = (this.#bytesOf.get(reading.address) ?? 0) + bytes;
    if (ofAddress === 0) {
      this.#bytesOf.delete(reading.address);
    } else {
      this.#bytesOf.set(reading.address, ofAddress);
    }
  }
}

/**
 * Reads a request's body whole.
 *
 * Bounded in size: one body by `maxBytes`, all together by `memory`. Not bounded in time: the server's request time-out
 * does that. When it stops early, the rest of the stream is left unread.
 *
 * @param options.address the sender's, as {@link BodyMemory} counts it.
 */
export function readBody(
  stream: Readable,
  options: { maxBytes: number; memory: BodyMemory; address: string },
): Promise<BodyRead> {
  const { maxBytes, memory, address } = options;
  return new Promise((resolve) => {
    const joined: Buffer[] = [];
    let chunks: Buffer[] = [];
    let length = 0;
    let reading: Reading | null = null;
    const finish = (read: BodyRead): void => {
      stream.off('data', onData).off('end', onEnd).off('close', onClose);
      if (reading !== null) {
        memory.close(reading);
      }
      resolve(read);
    };
    const isBusy = (): void => finish({ ok: false, failure: 'busy' });
    const acquire = (bytes: number): boolean => {
      reading ??= memory.open(address, isBusy);
      return reading !== null && memory.acquire(reading, bytes);
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > maxBytes) {
        finish({ ok: false, failure: 'too_large' });
      } else if (length > FREE_BYTES && !acquire(chunk.length)) {
        isBusy();
      } else {
        chunks.push(chunk);
        if (chunks.length === MAX_CHUNKS) {
          joined.push(Buffer.concat(chunks));
          chunks = [];
        }
      }
    };
    const onEnd = (): void => {
      const [only] = chunks;
      const isOne = only !== undefined && chunks.length === 1 && joined.length === 0;
      finish({ ok: true, body: isOne ? only : Buffer.concat([...joined, ...chunks], length) });
    };
    const onClose = (): void => finish({ ok: false, failure: 'broken' });
    // 'close' follows 'error'. Without a listener the error would end the process. A listener made here would keep the
    // chunks in memory for as long as the stream.
    stream.on('error', ignored);
    stream.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}

function ignored(): void {
  // Nothing to do.
}
