import { isMap } from 'yaml';
import { RULE_KEYS } from '../language/keys';
import type { NamedValues } from '../language/named-values';
import { namesUsed } from '../language/names-used';
import { checkCarried, definedNames } from './defined-names';
import type { ActionCatalogue, CelCondition, Condition, EventTypes, Rule } from '../rule';
import type { Block, BlockReader, Value } from './block-reader';
import { checkInputsFitTypes, checkWrittenInputs } from './check-inputs';
import { checkCel, checkStepTexts } from './check-texts';
import { conditionsOf } from './cel-conditions';
import { ConditionReader } from './conditions';
import { readName } from './entry-name';
import { knownTypes, readEventTypes } from './event-types';
import type { Names } from './field-test';
import { KnownFields } from './known-fields';
import { readLimits } from './limits';
import { readCountry, readTimezone, type Defaults } from './locale';
import { ComparedValues } from './operands';
import { StepReader, usesOf, type ReadStep } from './steps';
import { TemplateCosts } from './template-cost';
import { Variables, type ResultShape } from './variables';

type RuleBlock = Block<keyof typeof RULE_KEYS>;

/** Reads the rules of one file. */
export class RuleReader {
  readonly #costs = new TemplateCosts();
  readonly #definedNames = new Map<string | null, Required<NamedValues>>();

  constructor(
    private readonly reader: BlockReader,
    private readonly names: Names,
    private readonly defaults: Defaults,
    private readonly actions: ActionCatalogue,
  ) {}

  /** The valid rules; the others have findings. */
  read(value: Value): Rule[] {
    const items = this.reader.list(value, 'rules', 'start each rule with a dash');
    return (items ?? []).map((item) => this.rule(item)).filter((rule) => rule !== null);
  }

  private rule(value: Value): Rule | null {
    const { reader } = this;
    const block = reader.block(value, 'a rule', RULE_KEYS);
    if (block === null) {
      return null;
    }
    const before = reader.findings.all.length;
    const optional = <Result>(
      key: keyof typeof RULE_KEYS,
      fallback: Result,
      read: (value: Value) => Result,
    ): Result => {
      const found = block.get(key);
      return found === undefined ? fallback : read(found);
    };
    const name = optional('name', null, (found) => readName(reader, found, 'a rule'));
    const timezone = optional<string | null>('timezone', this.defaults.timezone, (found) =>
      readTimezone(reader, found),
    );
    const country = optional('country', this.defaults.country, (found) => readCountry(reader, found));
    const on = optional('on', null, (found) => readEventTypes(reader, found));
    const values = new ComparedValues(reader, country, timezone ?? this.defaults.timezone);
    const emptyWhen = block.get('when');
    if (emptyWhen !== undefined && isMap(emptyWhen.node) && emptyWhen.node.items.length === 0) {
      reader.findings.warn(emptyWhen.at, 'empty', 'when has no conditions, so every event of these types matches', {
        hint: 'remove it, or write a condition',
      });
    }
    const when = optional('when', null, (found) => new ConditionReader(reader, this.names, values).read(found));
    const steps = optional<ReadStep[]>('do', [], (found) => new StepReader(reader, this.actions).read(found));
    const condition = this.checkTexts(block, { on, when, country }, steps, values);
    for (const step of steps) {
      if (on !== null) {
        checkInputsFitTypes(reader, step, on);
      }
      checkWrittenInputs(reader, step, {
        country,
        timezone: timezone ?? this.defaults.timezone,
        windows: this.names.windows,
      });
    }
    const used = namesUsed(usesOf(steps), this.#defined(country));
    checkCarried(reader.findings, used ?? {}, block.get('do')?.at ?? block.at);
    const limits = optional('limits', { cooldown: null, max: null }, (found) => readLimits(reader, found));
    const maxAgeMs = optional('max_age', null, (found) => this.#maxAge(found));
    const mode = optional<Rule['mode'] | null>('mode', 'live', (found) =>
      reader.oneOf(found, 'mode', ['live', 'shadow', 'off'] as const),
    );
    const stop = optional<boolean | null>('stop', false, (found) => reader.boolean(found, 'stop'));
    const description = optional('description', null, (found) => reader.text(found, 'description'));
    const owner = optional('owner', null, (found) => reader.text(found, 'owner'));
    const hasErrors = reader.findings.all.slice(before).some((finding) => finding.severity === 'error');
    if (hasErrors || name === null || on === null || timezone === null || mode === null || stop === null) {
      return null;
    }
    return {
      name,
      at: block.get('name')?.at ?? block.at,
      description,
      owner,
      on,
      when,
      if: condition,
      limits,
      max_age_ms: maxAgeMs,
      mode,
      stop,
      timezone,
      country,
      steps: steps.map((step) => step.planned),
      actionReads: [...new Set(steps.flatMap((step) => step.reads))],
      stepsAt: steps.map((step) => step.at),
      ...(used === undefined ? {} : { names: used }),
    };
  }

  /**
   * Checks the rule's `if` and the templates and conditions of its steps against the variables that exist there.
   * @returns the rule's `if`; null when it has none.
   */
  private checkTexts(
    block: RuleBlock,
    { on, when, country }: { on: EventTypes | null; when: Condition | null; country: string | null },
    steps: readonly ReadStep[],
    values: ComparedValues,
  ): CelCondition | null {
    const { reader } = this;
    const types = on === null ? null : knownTypes(on);
    const value = block.get('if');
    const expression = value === undefined ? null : reader.text(value, 'if');
    const conditions = when === null ? [] : [when];
    const results = new Map<string, ResultShape>();
    const variablesBefore = (index: number, known: KnownFields): Variables =>
      new Variables(types, known, results, new Set(steps.slice(index).map((later) => later.planned.id)), this.names);
    let condition: CelCondition | null = null;
    if (value !== undefined && expression !== null) {
      const names = namesUsed({ inputs: [], conditions: [expression] }, this.#defined(country));
      checkCarried(reader.findings, names ?? {}, value.at);
      condition = { expression, ...(names === undefined ? {} : { names }), at: value.at };
      if (checkCel(reader, expression, value, variablesBefore(0, new KnownFields(conditions, country)), values)) {
        conditions.push(...conditionsOf({ ...condition, country }));
      }
    }
    const known = new KnownFields(conditions, country);
    steps.forEach((step, index) => {
      checkStepTexts(reader, step, variablesBefore(index, known), values, this.#costs);
      results.set(step.planned.id, step.result);
    });
    return condition;
  }

  /** Rules of one country share what is defined. */
  #defined(country: string | null): Required<NamedValues> {
    const defined = this.#definedNames.get(country) ?? definedNames(this.names, country);
    this.#definedNames.set(country, defined);
    return defined;
  }

  #maxAge(value: Value): number | null {
    const maxAgeMs = this.reader.duration(value, 'max_age');
    if (maxAgeMs !== null && maxAgeMs < 1_000) {
      this.reader.findings.error(value.at, 'duration', 'max_age is shorter than a second, so every event is too old', {
        hint: 'write 15m, or remove it',
      });
    }
    return maxAgeMs;
  }
}
