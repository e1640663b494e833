import { inspect } from 'node:util';
import { z } from 'zod';

/**
 * A secret string that cannot be printed by accident: text, JSON and inspection all show `***`.
 * The value is given only by {@link Secret.reveal}, at the one place that sends it.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }

  [inspect.custom](): string {
    return '***';
  }
}

/** A setting that holds a secret: a non-empty string outside, a {@link Secret} inside. */
export function secret() {
  return z
    .string()
    .min(1)
    .transform((value) => new Secret(value));
}
