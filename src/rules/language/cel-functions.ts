import {
  celEnv,
  celFunc,
  celMethod,
  CelScalar,
  celType,
  isCelError,
  isCelList,
  isCelMap,
  listType,
  mapType,
  type CelFunc,
  type CelType,
  type CelValue,
} from '@bufbuild/cel';
import { charge, CHARS_PER_STEP, isSpent, OverBudget, searchSteps } from './budget';
import { NamedList } from './cel-names';
import { concatenated } from './cel-values';
import { compilePattern } from './pattern';

/** Charges the budget for one iteration of a loop; `meterLoops` adds its calls. No expression can name it. */
export const ITERATE = '@iterate';

const { BOOL, DOUBLE, DYN, INT, NULL, STRING } = CelScalar;
const LIST = listType(DYN);
const MAP = mapType(DYN, DYN);
const standard = celEnv().funcs;
const standardEquals = standard.find('_==_');

/** Making an error, a time or the type of a list takes as long as so many steps. */
const OBJECT_STEPS = 10;
/** Reading a time in a named zone takes as long as so many steps: it makes a formatter. */
const ZONE_STEPS = 2_000;

/** Functions whose cost depends on their operands in another way than the length of texts. */
const OWN_FUNCTIONS: readonly CelFunc[] = [
  celFunc('_==_', [DYN, DYN], BOOL, isEqual),
  celFunc('_!=_', [DYN, DYN], BOOL, (one, other) => !isEqual(one, other)),
  celFunc('@in', [DYN, LIST], BOOL, (wanted, list) => {
    const named: unknown = list;
    if (named instanceof NamedList) {
      return named.has(wanted);
    }
    for (const item of list) {
      charge(1);
      if (isEqual(item, wanted)) {
        return true;
      }
    }
    return false;
  }),
  // An absent field is no key of a map, as it is no item of a list.
  celFunc('@in', [NULL, MAP], BOOL, () => false),
  celFunc('_+_', [LIST, LIST], LIST, concatenated),
  ...mixedArithmetic(),
  celFunc('size', [STRING], INT, codePoints),
  celMethod('size', STRING, [], INT, function () {
    return codePoints(this);
  }),
  celMethod('matches', STRING, [STRING], BOOL, function (pattern) {
    return compilePattern(pattern)(this);
  }),
  celFunc(ITERATE, [DYN, INT], DYN, (condition, steps) => {
    charge(Number(steps));
    return condition;
  }),
];

/** CEL's functions, which charge the budget by the size of their operands, and {@link ITERATE}. */
export const celFunctions: readonly CelFunc[] = [...standard, ...OWN_FUNCTIONS].map(charged);

function charged(func: CelFunc): CelFunc {
  const call = (id: number, target: CelValue | undefined, args: CelValue[]): ReturnType<CelFunc['call']> => {
    charge(1);
    const steps = operandSteps(func.name, target, args);
    // A group tries its overloads in turn. Only the one that takes the operands is charged for them.
    if (steps > 0 && takes(func, target, args)) {
      charge(steps);
    }
    const result = func.call(id, target, args);
    // CEL makes errors of exceptions, and `||` may drop an error.
    if (isSpent()) {
      throw new OverBudget('the condition takes too many steps');
    }
    if (isCelError(result)) {
      charge(OBJECT_STEPS);
    }
    return result;
  };
  return Object.create(func, { call: { value: call } }) as CelFunc;
}

function takes(func: CelFunc, target: CelValue | undefined, args: readonly CelValue[]): boolean {
  const isOf = (value: CelValue | undefined, type: CelType | undefined): boolean =>
    value === undefined || type === undefined
      ? value === type
      : type.name === DYN.name || celType(value).name === type.name;
  return (
    args.length === func.arguments.length &&
    isOf(target, func.target) &&
    args.every((value, index) => isOf(value, func.arguments[index]))
  );
}

function operandSteps(name: string, target: CelValue | undefined, args: readonly CelValue[]): number {
  const [first] = args;
  if (name === 'contains' && typeof target === 'string' && typeof first === 'string') {
    return searchSteps(target.length, first.length);
  }
  // Parsing a number takes more than linear time.
  if ((name === 'int' || name === 'uint') && typeof first === 'string') {
    return (first.length * first.length) / CHARS_PER_STEP;
  }
  const zone = name.startsWith('get') && first !== undefined ? ZONE_STEPS : 0;
  return args.reduce<number>((steps, value) => steps + sizeSteps(value), sizeSteps(target) + zone);
}

function sizeSteps(value: CelValue | undefined): number {
  if (typeof value === 'string') {
    return value.length / CHARS_PER_STEP;
  }
  if (typeof value !== 'object' || value === null) {
    return 0;
  }
  return value instanceof Uint8Array ? value.length / CHARS_PER_STEP + 1 : OBJECT_STEPS;
}

/**
 * Arithmetic of a number of an event, which is a double, with a whole number of the expression, which is an int. CEL has
 * none: `talk_s / 60` would fail for every event. Also the remainder of doubles.
 */
function mixedArithmetic(): CelFunc[] {
  const operators: readonly (readonly [string, (left: number, right: number) => number])[] = [
    ['_+_', (left, right) => left + right],
    ['_-_', (left, right) => left - right],
    ['_*_', (left, right) => left * right],
    ['_/_', (left, right) => left / right],
    ['_%_', (left, right) => left % right],
  ];
  return operators.flatMap(([name, calculate]) => [
    celFunc(name, [DOUBLE, INT], DOUBLE, (left, right) => calculate(left, Number(right))),
    celFunc(name, [INT, DOUBLE], DOUBLE, (left, right) => calculate(Number(left), right)),
    ...(name === '_%_' ? [celFunc(name, [DOUBLE, DOUBLE], DOUBLE, calculate)] : []),
  ]);
}

/** CEL's equality. CEL's own function compares what is neither text nor list nor map. */
function isEqual(one: CelValue, other: CelValue): boolean {
  if (typeof one === 'string' || typeof other === 'string') {
    return typeof one === 'string' && typeof other === 'string' && isSameText(one, other);
  }
  if (one === other) {
    return true;
  }
  if (typeof one === 'number' && typeof other === 'number') {
    return false;
  }
  if (isCelList(one) && isCelList(other)) {
    if (one.size !== other.size) {
      return false;
    }
    for (let index = 0; index < one.size; index += 1) {
      const left = one.get(index);
      const right = other.get(index);
      charge(1);
      if (left === undefined || right === undefined || !isEqual(left, right)) {
        return false;
      }
    }
    return true;
  }
  if (isCelMap(one) && isCelMap(other)) {
    if (one.size !== other.size) {
      return false;
    }
    for (const [key, left] of one) {
      const right = other.get(key);
      charge(1);
      if (right === undefined || !isEqual(left, right)) {
        return false;
      }
    }
    return true;
  }
  charge(OBJECT_STEPS);
  return standardEquals?.call(0, undefined, [one, other]) === true;
}

function isSameText(one: string, other: string): boolean {
  if (one.length !== other.length) {
    return false;
  }
  charge(one.length / CHARS_PER_STEP);
  return one === other;
}

/** The number of characters; CEL's own function makes a list of them. */
function codePoints(text: string): bigint {
  charge(text.length / CHARS_PER_STEP);
  let count = text.length;
  for (let index = 0; index < text.length - 1; index += 1) {
    const isPair = (text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00;
    count -= isPair ? 1 : 0;
  }
  return BigInt(count);
}
