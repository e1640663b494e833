import { isMap, isScalar } from 'yaml';
import type { JsonObject, JsonValue } from '../../events/json';
import { kindOf, quoted, type Block, type BlockReader, type Value } from './block-reader';
import { fieldNamed, fieldNames } from '../language/fields';
import { type Position } from '../../yaml/finding';
import { didYouMean } from '../../yaml/nearest-name';
import { readTime, TIME_HINT } from '../language/moments';
import { EXPECT_KEYS, TEST_KEYS } from '../language/keys';
import type { Rule } from '../rule';
import { toJson } from '../../yaml/document';

/** One test of the `tests` block. */
export interface RuleTest {
  name: string;
  at: Position;
  /** The name of a sample, a path relative to the file, the id of an archived event, or the event itself: `{ type, data }`. */
  event: string | JsonObject;
  eventAt: Position;
  /** New values by their path in the event; null removes the value. */
  changes: readonly { path: readonly string[]; value: JsonValue }[];
  /** The call that the event names, as VoIPBIN has it; null when the test gives none. */
  call: JsonObject | null;
  /** Results of steps for later steps, by step id. */
  results: Readonly<Record<string, JsonObject>>;
  /** When the event happens, in milliseconds UTC; null for the time in the event. */
  happensAt: number | null;
  expect: {
    /** The names of exactly the rules that match; null when the test does not check them. */
    rules: readonly string[] | null;
    /** Names of rules that match, among others. */
    includes: readonly string[];
    /** The expected rendered inputs, by rule and step. Inputs that are not listed are not checked. */
    steps: readonly { rule: string; step: string; input: JsonObject; at: Position }[];
    /** Why steps do nothing, by rule and step. */
    skipped: readonly { rule: string; step: string; reason: string; at: Position }[];
    /** Reasons why a rule does not match, by rule. There may be further reasons. */
    whyNot: readonly { rule: string; what: readonly string[]; at: Position }[];
  };
}

/** Reasons other than a field why a rule does not match. */
const REASONS = ['on', 'off', 'stop', 'max_age', 'if', 'during', 'not during', 'any', 'all', 'not'] as const;

/** Reads the tests of one file. Invalid tests have findings. */
export class TestReader {
  constructor(
    private readonly reader: BlockReader,
    private readonly rules: readonly Rule[],
    /** IANA zone of times without one. */
    private readonly timezone: string,
  ) {}

  read(value: Value): RuleTest[] {
    const items = this.reader.list(value, 'tests', 'start each test with a dash') ?? [];
    return items.map((item) => this.test(item)).filter((test) => test !== null);
  }

  private test(value: Value): RuleTest | null {
    const { reader } = this;
    const block = reader.block(value, 'a test', TEST_KEYS);
    if (block === null) {
      return null;
    }
    const nameValue = block.get('name');
    const name = nameValue === undefined ? null : reader.text(nameValue, 'name');
    const eventValue = block.get('event');
    const event = eventValue === undefined ? null : this.event(eventValue);
    const changes = this.changes(block.get('with'));
    const call = this.call(block.get('call'));
    const results = this.results(block.get('steps'));
    const atValue = block.get('at');
    const happensAt = atValue === undefined ? null : this.time(atValue);
    const expectValue = block.get('expect');
    const expected = expectValue === undefined ? null : reader.block(expectValue, 'expect', EXPECT_KEYS);
    if (expected === null) {
      return null;
    }
    const expect = this.expectation(expected);
    if (
      expected.get('rules') === undefined &&
      expected.get('includes') === undefined &&
      expected.get('steps') === undefined &&
      expected.get('skipped') === undefined &&
      expected.get('why_not') === undefined
    ) {
      reader.findings.error(expected.at, 'empty', 'the test expects nothing', {
        hint: 'write rules: [] for "no rule matches"',
      });
    }
    if (name === null || event === null || eventValue === undefined || (atValue !== undefined && happensAt === null)) {
      return null;
    }
    return {
      name,
      at: nameValue?.at ?? block.at,
      event,
      eventAt: eventValue.at,
      changes,
      call,
      results,
      happensAt,
      expect,
    };
  }

  private event(value: Value): string | JsonObject | null {
    const json = toJson(value.node);
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
      const { type, data } = json;
      if (typeof type !== 'string' || typeof data !== 'object' || data === null || Array.isArray(data)) {
        this.reader.findings.error(value.at, 'event', 'an event has a type and data', {
          hint: 'such as { type: call_hangup, data: { id: c1 } }',
        });
        return null;
      }
      return json;
    }
    return this.reader.text(value, 'event');
  }

  private call(value: Value | undefined): JsonObject | null {
    const json = value === undefined ? null : toJson(value.node);
    if (value !== undefined && (typeof json !== 'object' || json === null || Array.isArray(json))) {
      this.reader.findings.error(value.at, 'type', `call must be a block of keys, not ${kindOf(value.node)}`, {
        hint: 'such as { direction: incoming, source: { type: tel, target: "+15551234567" } }',
      });
    }
    return typeof json === 'object' && !Array.isArray(json) ? json : null;
  }

  private results(value: Value | undefined): Record<string, JsonObject> {
    if (value === undefined) {
      return {};
    }
    const ids = new Set(this.rules.flatMap(({ steps }) => steps.map(({ id }) => id)));
    return Object.fromEntries(
      this.inner(value, 'steps').flatMap(({ key, at, value: result }): [string, JsonObject][] => {
        const json = toJson(result.node);
        if (!ids.has(key)) {
          this.reader.findings.error(
            at,
            'unknown-step',
            `no rule has a step with the id ${quoted(key)}`,
            didYouMean(
              key,
              [...ids].filter((id) => !id.includes('#')),
            ),
          );
          return [];
        }
        if (typeof json !== 'object' || json === null || Array.isArray(json)) {
          this.reader.findings.error(
            result.at,
            'type',
            `the result of ${key} must be a block of keys, not ${kindOf(result.node)}`,
            { hint: 'such as { contact: { name: Ada } }' },
          );
          return [];
        }
        return [[key, json]];
      }),
    );
  }

  private changes(value: Value | undefined): { path: readonly string[]; value: JsonValue }[] {
    if (value === undefined) {
      return [];
    }
    if (!isMap(value.node)) {
      this.reader.findings.error(value.at, 'type', `with must be a block of changes, not ${kindOf(value.node)}`, {
        hint: 'such as { data.direction: incoming }',
      });
      return [];
    }
    return this.reader.document.entries(value.node).flatMap(({ key, keyAt, node }) => {
      if (key !== 'type' && !/^data(?:\.[^.]+)+$/.test(key)) {
        this.reader.findings.error(keyAt, 'path', `VoIPBIN does not send ${quoted(key)}`, {
          hint: `start it with data: data.${key}`,
        });
        return [];
      }
      return [{ path: key.split('.'), value: toJson(node) }];
    });
  }

  private time(value: Value): number | null {
    const text = this.reader.text(value, 'at');
    const time = text === null ? null : readTime(text, this.timezone);
    if (text !== null && time === null) {
      this.reader.findings.error(value.at, 'time', `${quoted(text)} is not a time`, { hint: TIME_HINT });
    }
    return time;
  }

  private expectation(expected: Block<keyof typeof EXPECT_KEYS>): RuleTest['expect'] {
    const rules = expected.get('rules');
    const includes = expected.get('includes');
    return {
      includes: includes === undefined ? [] : this.reader.listOf(includes).flatMap((item) => this.ruleName(item) ?? []),
      rules: rules === undefined ? null : this.exactRules(rules),
      steps: this.named(expected.get('steps'), 'steps').flatMap(({ rule, value }) =>
        this.inner(value, `the steps of ${rule}`).flatMap(({ key, at, value: input }) => {
          const step = this.stepId(rule, key, at);
          if (step === null) {
            return [];
          }
          const json = toJson(input.node);
          if (typeof json !== 'object' || json === null || Array.isArray(json)) {
            this.reader.findings.error(
              input.at,
              'type',
              `the inputs of ${key} must be a block of keys, not ${kindOf(input.node)}`,
            );
            return [];
          }
          return [{ rule, step, input: json, at }];
        }),
      ),
      skipped: this.named(expected.get('skipped'), 'skipped').flatMap(({ rule, value }) =>
        this.inner(value, `the skipped steps of ${rule}`).flatMap(({ key, at, value: word }) => {
          const step = this.stepId(rule, key, at);
          const reason = this.reader.text(word, 'skipped');
          return step === null || reason === null ? [] : [{ rule, step, reason, at }];
        }),
      ),
      whyNot: this.named(expected.get('why_not'), 'why_not').map(({ rule, at, value }) => ({
        rule,
        at,
        what: this.reader.listOf(value).flatMap((item) => this.reason(item) ?? []),
      })),
    };
  }

  /** The name of a single rule needs no list, as in `includes`. A missing value is no empty list. */
  private exactRules(value: Value): string[] {
    const isName = isScalar(value.node) && typeof value.node.value === 'string';
    const items = isName ? this.reader.listOf(value) : (this.reader.list(value, 'rules') ?? []);
    return items.flatMap((item) => this.ruleName(item) ?? []);
  }

  /** The id of a rule's step that is named by its id or its action. */
  private stepId(rule: string, name: string, at: Position): string | null {
    const planned = this.rules.find((one) => one.name === rule)?.steps ?? [];
    const step = planned.find((one) => one.id === name) ?? planned.find((one) => one.action === name);
    if (step === undefined) {
      this.reader.findings.error(
        at,
        'unknown-step',
        `the rule ${rule} has no step ${quoted(name)}`,
        didYouMean(
          name,
          planned.flatMap((one) => [one.id, one.action]),
        ),
      );
    }
    return step?.id ?? null;
  }

  private reason(item: Value): string | null {
    const word = this.reader.text(item, 'why_not');
    if (word !== null && fieldNamed(word) === undefined && !REASONS.some((reason) => reason === word)) {
      this.reader.findings.error(
        item.at,
        'unknown-field',
        `${quoted(word)} is not a reason why a rule does not match`,
        didYouMean(word, [...fieldNames(), ...REASONS]),
      );
      return null;
    }
    return word;
  }

  private named(value: Value | undefined, what: string): { rule: string; at: Position; value: Value }[] {
    return value === undefined
      ? []
      : this.inner(value, what).flatMap(({ key, at, value: inner }) =>
          this.isRule(key, at) ? [{ rule: key, at, value: inner }] : [],
        );
  }

  private inner(value: Value, what: string): { key: string; at: Position; value: Value }[] {
    if (!isMap(value.node)) {
      this.reader.findings.error(value.at, 'type', `${what} must be a block of keys, not ${kindOf(value.node)}`);
      return [];
    }
    return this.reader.document.entries(value.node).map((entry) => ({ key: entry.key, at: entry.keyAt, value: entry }));
  }

  private ruleName(item: Value): string | null {
    const name = this.reader.text(item, 'rules');
    return name !== null && this.isRule(name, item.at) ? name : null;
  }

  private isRule(name: string, at: Position): boolean {
    if (this.rules.some((rule) => rule.name === name)) {
      return true;
    }
    this.reader.findings.error(
      at,
      'unknown-rule',
      `there is no rule ${quoted(name)}`,
      didYouMean(
        name,
        this.rules.map((rule) => rule.name),
      ),
    );
    return false;
  }
}
