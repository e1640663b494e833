import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { z } from 'zod';
import type { JsonObject, JsonValue } from '../../events/json';
import { durationMs } from '../../yaml/duration';
import { quoted, type BlockReader, type Value } from './block-reader';
import { analyseCel } from '../language/cel-references';
import type { ComparedValues } from './operands';
import { fieldNamed } from '../language/fields';
import { type Position } from '../../yaml/finding';
import { didYouMean, nearest } from '../../yaml/nearest-name';
import { RETRY_KEYS, STEP_KEYS } from '../language/keys';
import type { ActionCatalogue } from '../rule';
import type { PlannedStep, RetryBudget } from '../plan';
import { checkTemplate } from './template-check';
import { isTemplate } from '../language/liquid';
import { shapeOf, type ResultShape, type Variables } from './variables';
import { toJson } from '../../yaml/document';

/** Every retry that is not told otherwise begins a second after the failure and slows down to one in five minutes. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 300_000;
/** The longest retry budget: what is still failing after a month needs a person. */
const LONGEST_BUDGET_MS = 31 * 86_400_000;

/** A step as far as it could be read, for checking what refers to it. */
export interface ReadStep {
  planned: PlannedStep;
  /** Where its action stands. */
  at: Position;
  /** For its texts: the nodes, to say where a fault is. */
  input: Node | null;
  ifAt: Value | null;
  result: ResultShape;
}

const jsonSchemas = {
  input: new WeakMap<z.ZodType, Record<string, unknown>>(),
  output: new WeakMap<z.ZodType, Record<string, unknown>>(),
};

/**
 * An action's input or output schema as JSON Schema. Made once a schema, because a file may use an action a thousand
 * times.
 */
export function jsonSchemaOf(schema: z.ZodType<unknown>, io: 'input' | 'output'): Readonly<Record<string, unknown>> {
  const known = jsonSchemas[io].get(schema);
  if (known !== undefined) {
    return known;
  }
  const made = { ...z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-7' }) };
  jsonSchemas[io].set(schema, made);
  return made;
}

/**
 * Reads the steps of a rule: the action, its input as written against the action's schema, retry, and what a failure
 * does.
 */
export class StepReader {
  constructor(
    private readonly reader: BlockReader,
    private readonly actions: ActionCatalogue,
  ) {}

  /** All steps that could be read; ids are unique among them. */
  read(value: Value): ReadStep[] {
    const items = this.reader.list(value, 'do', 'start each step with a dash');
    if (items?.length === 0) {
      this.reader.findings.error(value.at, 'empty', 'the rule has no steps');
    }
    const seen = new Map<string, Position>();
    const steps: ReadStep[] = [];
    (items ?? []).forEach((item, index) => {
      const step = this.step(item, index);
      if (step === null) {
        return;
      }
      const earlier = seen.get(step.planned.id);
      if (earlier !== undefined) {
        this.reader.findings.error(
          step.at,
          'duplicate-id',
          `two steps of the rule have the id ${quoted(step.planned.id)}`,
          { hint: `the other is in line ${earlier.line}` },
        );
      }
      seen.set(step.planned.id, step.at);
      steps.push(step);
    });
    return steps;
  }

  private step(value: Value, index: number): ReadStep | null {
    const { findings } = this.reader;
    if (isScalar(value.node) && typeof value.node.value === 'string') {
      findings.error(value.at, 'type', 'a step must be an action with its inputs, not a text', {
        hint: `write ${value.node.value}: { … }`,
      });
      return null;
    }
    const block = this.reader.block(
      value,
      'a step',
      STEP_KEYS,
      (key) =>
        key.includes('.') ||
        this.actions.names().some((name) => nearest(key, [name, name.slice(name.indexOf('.') + 1)]) !== null),
    );
    if (block === null) {
      return null;
    }
    const [action, ...others] = block.extra;
    if (action === undefined) {
      findings.error(value.at, 'no-action', 'the step has no action', {
        hint: `the actions are ${this.actions.names().join(', ')}`,
      });
      return null;
    }
    for (const other of others) {
      findings.error(other.keyAt, 'two-actions', `the step has a second action ${quoted(other.key)}`, {
        hint: 'start another step with a dash',
      });
    }
    const found = this.actions.find(action.key);
    if (found === undefined) {
      const names = this.actions.names();
      const near = names.find((name) => name.slice(name.indexOf('.') + 1) === action.key) ?? nearest(action.key, names);
      findings.error(action.keyAt, 'unknown-action', `there is no action ${quoted(action.key)}`, {
        hint: near === null ? `the actions are ${names.join(', ')}` : `did you mean "${near}"?`,
      });
    }
    const id = block.get('id');
    const ifValue = block.get('if');
    const onError = block.get('on_error');
    const readId = id === undefined ? null : this.id(id);
    const onErrorWord =
      onError === undefined ? 'stop' : this.reader.oneOf(onError, 'on_error', ['stop', 'continue'] as const);
    const condition = ifValue === undefined ? null : this.reader.text(ifValue, 'if');
    const retry = this.retry(block.get('retry'), found === undefined ? 0 : durationMs(found.action.budget));
    const from = found?.action.budgetFrom === 'event' ? { from: 'event' as const } : {};
    if (found === undefined) {
      return null;
    }
    const input = this.input(action.key, found.action.input, action);
    const { action: definition } = found;
    return {
      at: action.keyAt,
      input: action.node,
      ifAt: ifValue ?? null,
      result: shapeOf(jsonSchemaOf(definition.output, 'output')),
      planned: {
        id: readId ?? `${action.key}#${index + 1}`,
        action: action.key,
        effect: input === null ? 'once' : definition.effectOf(input),
        input: input ?? {},
        ...(condition === null ? {} : { if: condition }),
        on_error: onErrorWord ?? 'stop',
        retry: { ...retry, ...from },
        attempt_timeout_ms: durationMs(definition.attemptTimeout),
      },
    };
  }

  private id(value: Value): string | null {
    const id = this.reader.text(value, 'id');
    if (id !== null && !/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(id)) {
      this.reader.findings.error(value.at, 'id', `${quoted(id)} cannot be the id of a step`, {
        hint: 'use letters, digits and underscores; start with a letter',
      });
      return null;
    }
    return id;
  }

  private retry(value: Value | undefined, budgetMs: number): RetryBudget {
    const fallback = { for_ms: budgetMs, every_ms: FIRST_WAIT_MS, max_every_ms: LONGEST_WAIT_MS };
    const block = value === undefined ? null : this.reader.block(value, 'retry', RETRY_KEYS);
    if (block === null) {
      return fallback;
    }
    const time = (name: keyof typeof RETRY_KEYS): number | null => {
      const found = block.get(name);
      return found === undefined ? null : this.reader.duration(found, `retry.${name}`);
    };
    const forMs = time('for');
    const everyMs = time('every');
    const maxEveryMs = time('max_every');
    const forAt = block.get('for')?.at ?? block.at;
    if (forMs !== null && forMs > LONGEST_BUDGET_MS) {
      this.reader.findings.error(forAt, 'retry', 'retry.for is longer than 31d');
    }
    if (everyMs !== null && everyMs < 100) {
      this.reader.findings.error(block.get('every')?.at ?? block.at, 'retry', 'retry.every is shorter than 100ms');
    }
    const every = everyMs ?? Math.min(FIRST_WAIT_MS, maxEveryMs ?? FIRST_WAIT_MS);
    if (maxEveryMs !== null && maxEveryMs < every) {
      this.reader.findings.error(
        block.get('max_every')?.at ?? block.at,
        'retry',
        'retry.max_every is shorter than retry.every',
      );
    }
    return {
      for_ms: forMs ?? fallback.for_ms,
      every_ms: every,
      max_every_ms: maxEveryMs ?? Math.max(LONGEST_WAIT_MS, every),
    };
  }

  /** The input as JSON, or null when it does not fit the action's schema. */
  private input(action: string, schema: z.ZodType<unknown>, value: Value): JsonObject | null {
    const { findings } = this.reader;
    const json = value.node === null || (isScalar(value.node) && value.node.value === null) ? {} : toJson(value.node);
    if (!isObject(json)) {
      findings.error(value.at, 'type', `the inputs of ${action} must be a block of keys`, {
        hint: `write ${action}: { … }`,
      });
      return null;
    }
    const { properties } = jsonSchemaOf(schema, 'input');
    const known = typeof properties === 'object' && properties !== null ? Object.keys(properties) : null;
    let right = true;
    for (const { key, keyAt } of isMap(value.node) ? this.reader.document.entries(value.node) : []) {
      if (known !== null && !known.includes(key)) {
        const more = didYouMean(key, known);
        findings.error(
          keyAt,
          'unknown-input',
          `${action} has no input ${quoted(key)}`,
          'hint' in more ? more : { hint: `it has ${known.join(', ')}` },
        );
        right = false;
      }
    }
    const judged = schema.safeParse(json);
    for (const issue of judged.success ? [] : judged.error.issues) {
      if (issue.code === 'unrecognized_keys' && issue.path.length === 0) {
        continue;
      }
      right = false;
      findings.error(
        this.place(value, issue.path),
        'input',
        explainIssue(action, issue, valueAtPath(json, issue.path)),
      );
    }
    return right ? json : null;
  }

  /** The place of the node at a path, or of the nearest one above it. */
  private place(value: Value, path: readonly PropertyKey[]): Position {
    let node = value.node;
    let at = value.at;
    for (const part of path) {
      let next: Node | null = null;
      if (isMap(node)) {
        const entry = this.reader.document.entries(node).find(({ key }) => key === part);
        if (entry === undefined) {
          return at;
        }
        at = entry.at;
        next = entry.node;
      } else if (isSeq(node) && typeof part === 'number') {
        next = this.reader.document.items(node)[part] ?? null;
        at = next === null ? at : this.reader.document.positionOf(next);
      }
      node = next;
    }
    return at;
  }
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function valueAtPath(json: JsonValue, path: readonly PropertyKey[]): JsonValue | undefined {
  let value: JsonValue | undefined = json;
  for (const part of path) {
    value = Array.isArray(value)
      ? value[Number(part)]
      : typeof value === 'object' && value !== null && Object.hasOwn(value, String(part))
        ? value[String(part)]
        : undefined;
  }
  return value;
}

function explainIssue(action: string, issue: z.core.$ZodIssue, value: JsonValue | undefined): string {
  const name = issue.path.length === 0 ? 'the input' : `input "${issue.path.join('.')}"`;
  const shown =
    typeof value === 'string'
      ? quoted(value)
      : Array.isArray(value)
        ? 'a list'
        : typeof value === 'object' && value !== null
          ? 'a block of keys'
          : String(value);
  if (value === undefined) {
    return `${action} needs ${name}`;
  }
  if (issue.code === 'invalid_type') {
    return `${name} of ${action} must be ${TYPE_WORDS[issue.expected] ?? issue.expected}, not ${shown}`;
  }
  if (issue.code === 'invalid_value') {
    const words = issue.values.map(String);
    const near = typeof value === 'string' ? nearest(value, words) : null;
    return `${name} of ${action} cannot be ${shown}${near === null ? `, only ${words.join(', ')}` : `; did you mean "${near}"?`}`;
  }
  if (issue.code === 'unrecognized_keys') {
    return `${name} of ${action} has no key ${issue.keys.map(quoted).join(', ')}`;
  }
  return `${name} of ${action}: ${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}`;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a block of keys',
  record: 'a block of keys',
  array: 'a list',
};

/** Checks the texts and the condition of a step against the variables that there are when it runs. */
export function checkStepTexts(
  reader: BlockReader,
  step: ReadStep,
  variables: Variables,
  values: ComparedValues,
): void {
  checkTexts(reader, step.input, variables);
  if (step.planned.if !== undefined && step.ifAt !== null) {
    checkCel(reader, step.planned.if, step.ifAt, variables, values);
  }
}

function checkTexts(reader: BlockReader, node: Node | null, variables: Variables): void {
  if (isMap(node)) {
    reader.document.entries(node).forEach(({ node: inner }) => checkTexts(reader, inner, variables));
  } else if (isSeq(node)) {
    reader.document.items(node).forEach((inner) => checkTexts(reader, inner, variables));
  } else if (isScalar(node) && typeof node.value === 'string' && isTemplate(node.value)) {
    for (const fault of checkTemplate(node.value, variables)) {
      reader.findings.error(
        reader.document.positionInside(node, fault.row, fault.column),
        fault.code,
        fault.message,
        fault.hint === undefined ? {} : { hint: fault.hint },
      );
    }
  }
}

/**
 * Checks a CEL condition: syntax, functions, that what it names exists, and that fields are compared with what they can
 * be.
 */
export function checkCel(
  reader: BlockReader,
  expression: string,
  value: Value,
  variables: Variables,
  values: ComparedValues,
): void {
  const references = analyseCel(expression);
  const place = (offset: number): Position => {
    const before = expression.slice(0, offset).split('\n');
    return reader.document.positionInside(value.node, before.length, (before.at(-1)?.length ?? 0) + 1);
  };
  for (const fault of references.problems) {
    reader.findings.error(
      place(fault.offset),
      fault.code,
      fault.message,
      fault.hint === undefined ? {} : { hint: fault.hint },
    );
  }
  for (const { path, offset } of references.paths) {
    const found = variables.look(path);
    if (found.state === 'unknown') {
      reader.findings.error(
        place(offset),
        'unknown-variable',
        found.message.replace('variable', 'field'),
        found.hint === undefined ? {} : { hint: found.hint },
      );
    }
  }
  for (const { path, value: constant, offset } of references.comparisons) {
    const field = fieldNamed(path.join('.'));
    if (field !== undefined) {
      values.fitting(field, constant, place(offset));
    }
  }
}
