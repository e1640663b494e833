import { compareNumbers, digitsOf, numberOf, numberText } from '../../events/exact-number';
import type { JsonValue } from '../../events/json';

/**
 * An exact number in a template: printed and compared by its digits. Filters that calculate take it as a double. Not a
 * `Drop` of liquidjs, which some tags would replace by its value before they compare.
 */
export class LiquidNumber {
  readonly #digits: string;

  constructor(digits: string) {
    this.#digits = digits;
  }

  equals(other: unknown): boolean {
    return this.#compare(other) === 0;
  }

  gt(other: unknown): boolean {
    return this.#compare(other) > 0;
  }

  geq(other: unknown): boolean {
    return this.#compare(other) >= 0;
  }

  lt(other: unknown): boolean {
    return this.#compare(other) < 0;
  }

  leq(other: unknown): boolean {
    return this.#compare(other) <= 0;
  }

  toString(): string {
    return this.#digits;
  }

  [Symbol.toPrimitive](hint: string): string | number {
    return hint === 'string' ? this.#digits : Number(this.#digits);
  }

  toJSON(): JsonValue {
    return numberOf(this.#digits);
  }

  /** NaN, which no comparison holds for, when the other is not a number. A quoted number is one. */
  #compare(other: unknown): number {
    const text = other instanceof LiquidNumber || typeof other === 'string' ? String(other) : numberText(other);
    return text === null ? Number.NaN : compareNumbers(this.#digits, text);
  }
}

/** A value as templates and filters get it: an exact number as a {@link LiquidNumber}, also as an item of a list. */
export function asLiquid(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (Array.isArray(value)) {
    return value.some((item) => digitsOf(item) !== null) ? value.map(asLiquidNumber) : value;
  }
  return asLiquidNumber(value);
}

function asLiquidNumber(value: unknown): unknown {
  const digits = digitsOf(value);
  return digits === null ? value : new LiquidNumber(digits);
}
