import type { Liquid } from 'liquidjs';
import { compareNumbers, digitsOf, numberOf, numberText } from '../../events/exact-number';
import type { JsonValue } from '../../events/json';
import { charge } from './budget';

/** Items of a list that are looked at in the time of one step. */
const SCANNED_PER_STEP = 4;
/** Making a {@link LiquidNumber} takes as long as so many steps. */
const NUMBER_STEPS = 4;

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

/**
 * A value as templates and filters get it: an exact number as a {@link LiquidNumber}, also as an item of a list. Charges
 * the budget for looking at each item, so every read of a list pays, whatever is done with it.
 */
export function asLiquid(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (Array.isArray(value)) {
    charge(value.length / SCANNED_PER_STEP);
    return value.some((item) => digitsOf(item) !== null) ? value.map(asLiquidNumber) : value;
  }
  return asLiquidNumber(value);
}

function asLiquidNumber(value: unknown): unknown {
  const digits = digitsOf(value);
  if (digits === null) {
    return value;
  }
  charge(NUMBER_STEPS);
  return new LiquidNumber(digits);
}

/** More digits than any id has, and few enough to calculate with in no time. */
const WHOLE = /^-?\d{1,100}$/;

const WHOLE_ARITHMETIC: Readonly<Record<string, (one: bigint, other: bigint) => bigint>> = {
  plus: (one, other) => one + other,
  minus: (one, other) => one - other,
  times: (one, other) => one * other,
};
/** Filters that leave a whole number as it is. */
const ROUNDING = ['ceil', 'floor', 'round', 'to_integer'];

/**
 * Makes the filters of an engine calculate exactly with whole numbers that a double would change: an id one off is
 * another one's id. All other numbers stay doubles.
 */
export function calculateExactly(liquid: Liquid): void {
  for (const [name, calculate] of Object.entries(WHOLE_ARITHMETIC)) {
    extend(liquid, name, (value, argument) => {
      const [one, other] = [wholeOf(value), wholeOf(argument)];
      const isExact = value instanceof LiquidNumber || argument instanceof LiquidNumber;
      return isExact && one !== null && other !== null
        ? asLiquid(numberOf(String(calculate(BigInt(one), BigInt(other)))))
        : null;
    });
  }
  for (const name of ROUNDING) {
    extend(liquid, name, (value) => (value instanceof LiquidNumber && wholeOf(value) !== null ? value : null));
  }
}

/** The digits of a whole number, exact or not; null for any other value. */
function wholeOf(value: unknown): string | null {
  const digits = value instanceof LiquidNumber ? String(value) : numberText(value);
  return digits !== null && WHOLE.test(digits) ? digits : null;
}

/** @param calculate null to leave it to the filter. */
function extend(liquid: Liquid, name: string, calculate: (value: unknown, argument: unknown) => unknown): void {
  const filter = liquid.filters[name];
  if (filter === undefined) {
    throw new TypeError(`liquidjs has no filter ${name}`);
  }
  const handler = typeof filter === 'function' ? filter : filter.handler;
  liquid.registerFilter(name, function (value: unknown, ...args: unknown[]): unknown {
    return calculate(value, args[0]) ?? handler.call(this, value, ...args);
  });
}
