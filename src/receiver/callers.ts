import { LRUCache } from 'lru-cache';

/** The least recently seen addresses are forgotten first. */
const MAX_ADDRESSES = 10_000;
const NOISE_PERIOD_MS = 60_000;
const SENDER_FOR_MS = 24 * 60 * 60_000;

/**
 * What the receiver remembers of the addresses that call it. An address is the text of `subscriberOf`: an IPv4 address,
 * or the /64 network of an IPv6 address.
 *
 * Noise is a request that strangers can send too: a wrong signature, a body that is not an event, that is refused, or
 * that never ends. A sender is an address that proved within the last 24 hours that it may send events: by
 * a signature, or by being in the address list.
 */
export class Callers {
  readonly #noise = new LRUCache<string, number>({ max: MAX_ADDRESSES, ttl: NOISE_PERIOD_MS, noUpdateTTL: true });
  readonly #senders = new LRUCache<string, true>({ max: MAX_ADDRESSES, ttl: SENDER_FOR_MS });

  /** @param noisePerMinute what an address may send before it is noisy. */
  constructor(private readonly noisePerMinute: number) {}

  /** Counts one request as noise. @returns whether the address is noisy now. */
  countNoise(address: string): boolean {
    this.#noise.set(address, (this.#noise.get(address) ?? 0) + 1);
    return this.isNoisy(address);
  }

  /** Returns whether an address sent more noise than allowed in the minute that its first noise began. */
  isNoisy(address: string): boolean {
    return (this.#noise.get(address) ?? 0) > this.noisePerMinute;
  }

  /** Remembers an address as a sender. Call it for events that had to prove something only. */
  rememberSender(address: string): void {
    this.#senders.set(address, true);
  }

  isSender(address: string): boolean {
    return this.#senders.has(address);
  }
}
