import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { canonicalize } from '../../events/canonicalize';
import type { CanonicalEvent } from '../../events/canonical-event';
import { parseEnvelope, type Envelope } from '../../events/envelope';
import { hideTokensInLine } from '../../text/tokens';
import { toJsonText } from '../../events/exact-number';
import type { JsonObject, JsonValue } from '../../events/json';
import { NOTHING_KNOWN, type KnownCalls } from '../../events/known-calls';
import { explain, withoutTokens, type Explanation } from './explain';
import { resultsIn } from '../language/references';
import { asRead, stepLines } from './format-explanation';
import { inUtc, inZone, zonedInputs, type ZonedInputs } from './expected-times';
import type { ExplainedCondition } from './explain-condition';
import { printableLines, type PrintableText } from '../../text/printable';
import type { Position } from '../../yaml/finding';
import { readTextFile } from '../../yaml/text-file';
import type { RuleSet } from '../rule-set';
import type { ActionCatalogue } from '../rule';
import type { RuleTest } from '../parse/tests';

/** The result of one test. */
export interface TestResult {
  name: string;
  at: Position;
  /** What differs from the expected result, in words; empty when the test passed. */
  faults: readonly string[];
  /** What happens for the event, with the rendered inputs; null when its event cannot be read. */
  explanation: Explanation | null;
}

export interface TestRunOptions {
  actions: ActionCatalogue;
  /** Reads a JSON file as UTF-8; throws when it cannot. The default reads from disk. */
  readFile?: (path: string) => string;
  /** Finds a sample event by its name; null when there is none. */
  findSample?: (name: string) => JsonObject | null;
  /** Finds an archived event by its id, as received; null when there is none. */
  findEvent?: (eventId: string) => Envelope | null;
  /** Whether a number is one of the account's own numbers. */
  isOurs?: (number: string) => boolean;
}

/** The time of a test event without a time: noon UTC on a Monday. Fixed, so that tests do not depend on the date. */
export const DEFAULT_TEST_TIME = Date.parse('2026-01-05T12:00:00Z');

/** As many as an event that the webhook accepts can have. */
const MAX_EVENT_CHARS = 10 * 1024 * 1024;

/** Runs the tests of rule files: matches the rules and renders their steps. No step runs, nothing is sent. */
export function runRuleTests(ruleSet: RuleSet, tests: readonly RuleTest[], options: TestRunOptions): TestResult[] {
  return tests.map((test) => {
    const found = eventOf(test, options);
    if ('problem' in found) {
      return { name: test.name, at: test.at, faults: [found.problem], explanation: null };
    }
    const explanation = explain(ruleSet, found.event, { actions: options.actions, results: test.results });
    const faults = [
      ...rulesAsExpected(test, explanation),
      ...includesAsExpected(test, explanation),
      ...stepsAsExpected(test, explanation, zonedInputs(ruleSet, options.actions)),
      ...skippedAsExpected(test, explanation),
      ...whyNotAsExpected(test, explanation),
      ...refused(explanation),
    ];
    return { name: test.name, at: test.at, faults: [...new Set(faults)], explanation };
  });
}

function eventOf(test: RuleTest, options: TestRunOptions): { event: CanonicalEvent } | { problem: string } {
  const read = readEnvelope(test, options);
  if ('problem' in read) {
    return read;
  }
  const envelope: JsonObject = structuredClone({ type: read.envelope.type, data: read.envelope.data });
  for (const { path, value } of test.changes) {
    change(envelope, path, value);
  }
  const parsed = parseEnvelope(Buffer.from(toJsonText(envelope)));
  if (!parsed.ok) {
    return { problem: `after the changes it is not an event: ${parsed.message}` };
  }
  const ours = { has: options.isOurs ?? (() => false) };
  const make = (receivedAt: number): CanonicalEvent =>
    canonicalize(parsed.envelope, Buffer.from(toJsonText(envelope)), new Date(receivedAt), ours, knownIn(test));
  if (test.happensAt !== null) {
    return { event: { ...make(test.happensAt), occurred_at: new Date(test.happensAt).toISOString() } };
  }
  // The event arrives when it happens, so that max_age is met.
  return { event: make(Date.parse(make(DEFAULT_TEST_TIME).occurred_at)) };
}

/** What VoIPBIN would answer: every call that the event names, and every leg of it, is the one in the test. */
function knownIn({ call }: RuleTest): KnownCalls {
  return call === null
    ? NOTHING_KNOWN
    : {
        call: (id) => ({ tm_create: new Date(DEFAULT_TEST_TIME).toISOString(), status: 'hangup', ...call, id }),
        legsOf: () => [],
        callOf: () => 'call',
        agent: () => null,
      };
}

function readEnvelope(test: RuleTest, options: TestRunOptions): { envelope: Envelope } | { problem: string } {
  if (typeof test.event !== 'string') {
    const parsed = parseEnvelope(Buffer.from(toJsonText(test.event)));
    return parsed.ok ? { envelope: parsed.envelope } : { problem: parsed.message };
  }
  if (!test.event.endsWith('.json')) {
    const sample = options.findSample?.(test.event) ?? null;
    const parsed = sample === null ? null : parseEnvelope(Buffer.from(toJsonText(sample)));
    const envelope = parsed?.ok === true ? parsed.envelope : (options.findEvent?.(test.event) ?? null);
    return envelope === null
      ? { problem: `there is no sample and no archived event ${test.event} (a file name ends in .json)` }
      : { envelope };
  }
  const path = join(dirname(test.at.file), test.event);
  let text: string;
  try {
    text = (options.readFile ?? readEventFile)(path);
  } catch (error) {
    return { problem: `${path} cannot be read${error instanceof UnreadableEvent ? `: ${error.message}` : ''}` };
  }
  const parsed = parseEnvelope(Buffer.from(text));
  return parsed.ok ? { envelope: parsed.envelope } : { problem: `${path}: ${parsed.message}` };
}

/** @throws when it cannot be read, is longer than an event may be or is not a regular file. */
function readEventFile(path: string): string {
  const read = readTextFile(path, MAX_EVENT_CHARS);
  if (!read.ok) {
    throw new UnreadableEvent(`it ${read.problem}`);
  }
  return read.text;
}

/** Why the file of an event is not read, as a clause without its content. */
class UnreadableEvent extends Error {}

/** Sets the value at a path, or removes it with null. Missing blocks on the way are created. */
function change(target: JsonObject, path: readonly string[], value: JsonValue): void {
  const [name = '', ...rest] = path;
  if (rest.length > 0) {
    const inner = Object.hasOwn(target, name) ? target[name] : undefined;
    if (Array.isArray(inner)) {
      const object: JsonObject = Object.fromEntries(inner.map((item, index) => [String(index), item]));
      change(object, rest, value);
      put(target, name, Object.values(object));
      return;
    }
    const object: JsonObject = typeof inner === 'object' && inner !== null ? inner : {};
    change(object, rest, value);
    put(target, name, object);
  } else if (value === null) {
    delete target[name];
  } else {
    put(target, name, value);
  }
}

function put(target: JsonObject, name: string, value: JsonValue): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
}

function matched(explanation: Explanation): string[] {
  return explanation.rules.filter(({ outcome }) => outcome === 'runs' || outcome === 'shadow').map(({ rule }) => rule);
}

function rulesAsExpected(test: RuleTest, explanation: Explanation): string[] {
  const { rules } = test.expect;
  if (rules === null) {
    return [];
  }
  const found = matched(explanation);
  return [
    ...rules
      .filter((rule) => !found.includes(rule))
      .map((rule) => `${rule} should match, but does not: ${whyNot(explanation, rule)}`),
    ...found.filter((rule) => !rules.includes(rule)).map((rule) => `${rule} should not match, but does`),
  ];
}

function includesAsExpected(test: RuleTest, explanation: Explanation): string[] {
  const found = matched(explanation);
  return test.expect.includes
    .filter((rule) => !found.includes(rule))
    .map((rule) => `${rule} should match, but does not: ${whyNot(explanation, rule)}`);
}

/** Steps that would fail for good with this event, whether the test looks at them or not. */
function refused(explanation: Explanation): string[] {
  return explanation.rules.flatMap(({ rule, steps }) =>
    steps.flatMap((step) => {
      if (step.if?.met === false) {
        return [];
      }
      return !step.input.ok
        ? [step.input.message]
        : step.refused === null
          ? []
          : [hideTokensInLine(`${rule}, ${step.id} would fail: ${step.refused}`)];
    }),
  );
}

function whyNot(explanation: Explanation, name: string): string {
  const rule = explanation.rules.find((one) => one.rule === name);
  const unmet = (rule?.conditions ?? [])
    .flatMap(unmetOf)
    .map(({ what, expected, actual, at }) => `${what} should be ${expected}, is ${actual} (line ${at.line})`);
  return unmet.length === 0 ? (rule?.why ?? 'there is no such rule') : unmet.join('; ');
}

/** The single conditions that are not met, inside blocks too; all alternatives of an `any`. */
function unmetOf(condition: ExplainedCondition): ExplainedCondition[] {
  if (condition.met) {
    return [];
  }
  return condition.what === 'any' || condition.what === 'all' ? condition.of.flatMap(unmetOf) : [condition];
}

function stepsAsExpected(test: RuleTest, explanation: Explanation, zoneOf: ZonedInputs): string[] {
  return test.expect.steps.flatMap(({ rule, step, input }) => {
    const explained = explanation.rules.find((one) => one.rule === rule);
    const found = explained?.steps.find((one) => one.id === step);
    if (found === undefined) {
      return [`${rule} does not run, so the step ${step} has no inputs: ${whyNot(explanation, rule)}`];
    }
    if (found.if?.met === false) {
      return [`${rule}, ${step}: is skipped, for its if is not met: ${found.if.expression}`];
    }
    const { input: rendered } = found;
    if (!rendered.ok) {
      return [rendered.message];
    }
    return Object.entries(input).flatMap(([name, expected]) => {
      const actual = Object.hasOwn(rendered.value, name) ? (rendered.value[name] ?? null) : null;
      const zone = zoneOf(rule, found.action, name);
      return isDeepStrictEqual(inUtc(actual, zone), inUtc(expected, zone))
        ? []
        : [
            hideTokensInLine(
              `${rule}, ${step}: ${name} should be ${toJsonText(expected)}, is ${inZone(actual, zone)}${asRead(found.read_as, name)}`,
            ),
          ];
    });
  });
}

function skippedAsExpected(test: RuleTest, explanation: Explanation): string[] {
  return test.expect.skipped.flatMap(({ rule, step, reason }) => {
    const found = explanation.rules.find((one) => one.rule === rule)?.steps.find((one) => one.id === step);
    if (found === undefined) {
      return [`${rule} does not run, so the step ${step} is not skipped: ${whyNot(explanation, rule)}`];
    }
    const skipped = found.if?.met === false ? 'if' : found.skipped;
    return skipped === reason
      ? []
      : found.if?.met === null && reason === 'if'
        ? [`${rule}, ${step}: ${notKnown(found.if.expression)}`]
        : [
            `${rule}, ${step}: should be skipped (${reason}), ${skipped === null ? 'but acts' : `is skipped (${skipped})`}`,
          ];
  });
}

function whyNotAsExpected(test: RuleTest, explanation: Explanation): string[] {
  return test.expect.whyNot.flatMap(({ rule, what }) => {
    const explained = explanation.rules.find((one) => one.rule === rule);
    if (explained === undefined || explained.outcome === 'runs' || explained.outcome === 'shadow') {
      return [`${rule} should not match, but does`];
    }
    const reasons =
      explained.outcome === 'other_type'
        ? ['on']
        : explained.outcome === 'off'
          ? ['off']
          : explained.outcome === 'stopped'
            ? ['stop']
            : reasonsOf(explained.conditions);
    return what
      .filter((one) => !reasons.includes(one))
      .map((one) => `${rule} should not match because of ${one}; the reason is ${reasons.join(', ')}`);
  });
}

/** What to do about an `if` that depends on results which the test does not give. */
function notKnown(expression: string): string {
  const [id = '…'] = resultsIn(expression).filter((one) => one !== '');
  return `whether it acts is not known, for its if uses the result of ${id}; add it to the test: steps: { ${id}: { … } }`;
}

/** Steps that a test says nothing of, because it gives no results. */
function openSteps(explanation: Explanation | null): string[] {
  return (explanation?.rules ?? []).flatMap(({ rule, steps }) =>
    steps.flatMap(({ id, if: condition }) =>
      condition?.met === null ? [`${rule}, ${id}: ${notKnown(condition.expression)}`] : [],
    ),
  );
}

/** The names of the conditions that are not met: blocks and the conditions inside them. */
function reasonsOf(conditions: readonly ExplainedCondition[]): string[] {
  return conditions
    .filter(({ met }) => !met)
    .flatMap((condition) => [condition.what, ...(condition.what === 'not' ? [] : reasonsOf(condition.of))]);
}

function sentBy(explanation: Explanation): string[] {
  return explanation.rules
    .filter(({ steps }) => steps.length > 0)
    .flatMap(({ rule, steps }) => [
      `    ${rule}`,
      ...steps.flatMap((step) => stepLines(step).map((line) => `    ${line}`)),
    ]);
}

/**
 * Formats results for people, like a test runner.
 * @param verbose also what each step would send.
 */
export function formatTestResults(results: readonly TestResult[], verbose = false): PrintableText {
  const failed = results.filter(({ faults }) => faults.length > 0).length;
  const lines = results.flatMap(({ name, at, faults, explanation }) => [
    ...(faults.length === 0
      ? [`  ✓ ${name}`]
      : [`  ✗ ${name}  (${at.file}:${at.line})`, ...faults.map((line) => `      ${line}`)]),
    ...openSteps(explanation)
      .filter((line) => !faults.includes(line))
      .map((line) => `      note: ${line}`),
    ...(verbose && explanation !== null ? sentBy(withoutTokens(explanation)) : []),
  ]);
  return printableLines([...lines, '', `${results.length - failed} passed${failed === 0 ? '' : `, ${failed} failed`}`]);
}
