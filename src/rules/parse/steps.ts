import { isMap, isScalar, type Node } from 'yaml';
import type { Action, Sink } from '../../connectors/connector';
import type { JsonValue } from '../../events/json';
import { durationMs } from '../../yaml/duration';
import type { Position } from '../../yaml/finding';
import { nearest } from '../../yaml/nearest-name';
import { RETRY_KEYS, STEP_KEYS } from '../language/keys';
import type { PlannedStep, RetryBudget } from '../plan';
import type { ActionCatalogue } from '../rule';
import { jsonSchemaOf } from '../../connectors/action-schema';
import { quoted, type BlockReader, type Value } from './block-reader';
import { readInput } from './step-input';
import { shapeOf, type ResultShape } from './variables';

/** The default wait before the first retry. */
const FIRST_WAIT_MS = 1_000;
/** The default longest wait between two retries. */
const MAX_WAIT_MS = 300_000;
/** The longest retry budget: a step that still fails after a month needs a person. */
const MAX_BUDGET_MS = 31 * 86_400_000;

/** A step with the nodes that it was read from, for the checks that need all steps. */
export interface ReadStep {
  planned: PlannedStep;
  /** The position of its action. */
  at: Position;
  /** The node of its input, for the positions of findings in its texts. */
  input: Node | null;
  ifAt: Value | null;
  result: ResultShape;
  /** Where the text of a top-level input goes. */
  sinkOf(inputName: string): Sink;
  /** As of the action. */
  isMoment: Action['isMoment'];
  isNumber: Action['isNumber'];
  problemsOf: Action['problemsOf'];
  onlyFor: Action['onlyFor'];
  insteadOf: Action['insteadOf'];
  /** Fields that its action reads of the event by itself. */
  reads: readonly string[];
  /** Whether its input may hold a value of this type at a path. */
  accepts(path: readonly string[], value: JsonValue): boolean;
}

/** The inputs and conditions of some steps, for what they use of lists, maps and windows. */
export function usesOf(steps: readonly ReadStep[]): { inputs: JsonValue[]; conditions: string[] } {
  return {
    inputs: steps.map(({ planned }) => planned.input),
    conditions: steps.flatMap(({ planned }) => planned.if ?? []),
  };
}

/** Each step is checked against the results of all before it. */
export const MAX_STEPS = 200;

/** Reads the steps of a rule. Invalid steps have findings. */
export class StepReader {
  constructor(
    private readonly reader: BlockReader,
    private readonly actions: ActionCatalogue,
  ) {}

  /** The steps that have an action, known or not. Two steps with the same id are a finding. */
  read(value: Value): ReadStep[] {
    const items = this.reader.list(value, 'do', 'start each step with a dash');
    if (items?.length === 0) {
      this.reader.findings.error(value.at, 'empty', 'the rule has no steps');
    }
    if ((items?.length ?? 0) > MAX_STEPS) {
      this.reader.findings.error(value.at, 'too-many', `more than ${MAX_STEPS} steps`, {
        hint: 'split the rule into several',
      });
      return [];
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
    const plannedWith = (more: Pick<PlannedStep, 'effect' | 'input' | 'attempt_timeout_ms'>): PlannedStep => ({
      id: readId ?? `${action.key}#${index + 1}`,
      action: action.key,
      effect: more.effect,
      input: more.input,
      ...(condition === null ? {} : { if: condition }),
      on_error: onErrorWord ?? 'stop',
      retry: { ...retry, ...from },
      attempt_timeout_ms: more.attempt_timeout_ms,
    });
    if (found === undefined) {
      // Its texts are checked as far as they can be, and later steps may name its id.
      return {
        at: action.keyAt,
        input: action.node,
        ifAt: ifValue ?? null,
        sinkOf: () => 'json',
        isMoment: () => false,
        isNumber: () => false,
        onlyFor: () => undefined,
        insteadOf: {},
        problemsOf: () => [],
        accepts: () => true,
        reads: [],
        result: shapeOf(null),
        planned: plannedWith({ effect: 'once', input: {}, attempt_timeout_ms: 0 }),
      };
    }
    const written = readInput(this.reader, action.key, found.action.input, action);
    const input = written?.input ?? null;
    const { action: definition } = found;
    const retryAt = block.get('retry')?.at;
    if (retryAt !== undefined && input !== null && retry.for_ms > durationMs(definition.budget)) {
      const gap = definition.notRetried(input);
      if (gap !== null) {
        findings.warn(retryAt, 'retry', gap.message, { hint: gap.hint });
      }
    }
    return {
      at: action.keyAt,
      input: action.node,
      ifAt: ifValue ?? null,
      sinkOf: (name) => definition.sinkOf(name),
      isMoment: (name) => definition.isMoment(name),
      isNumber: (name) => definition.isNumber(name),
      onlyFor: (name) => definition.onlyFor(name),
      insteadOf: written?.isWhole === true ? definition.insteadOf : {},
      problemsOf: (wanted, names, scope) => (input === null ? [] : definition.problemsOf(wanted, names, scope)),
      accepts: (path, wanted) => definition.accepts(path, wanted),
      reads: input === null ? [] : definition.readsOf(input),
      result: shapeOf(jsonSchemaOf(definition.output, 'output')),
      planned: plannedWith({
        effect: input === null ? 'once' : definition.effectOf(input),
        input: input ?? {},
        attempt_timeout_ms: durationMs(definition.attemptTimeout),
      }),
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
    const fallback = { for_ms: budgetMs, every_ms: FIRST_WAIT_MS, max_every_ms: MAX_WAIT_MS };
    const block = value === undefined ? null : this.reader.block(value, 'retry', RETRY_KEYS);
    if (block === null) {
      return fallback;
    }
    const time = (name: keyof typeof RETRY_KEYS): number | null => {
      const found = block.get(name);
      return found === undefined ? null : this.reader.duration(found, `retry.${name}`);
    };
    if (isMap(value?.node) && value.node.items.length === 0) {
      this.reader.findings.warn(block.at, 'empty', 'retry sets nothing', { hint: 'write for, every or max_every' });
    }
    const forMs = time('for');
    const everyMs = time('every');
    const maxEveryMs = time('max_every');
    const forAt = block.get('for')?.at ?? block.at;
    if (forMs !== null && forMs > MAX_BUDGET_MS) {
      this.reader.findings.error(forAt, 'retry', 'retry.for is longer than 31d');
    }
    if (everyMs !== null && everyMs < 100) {
      this.reader.findings.error(block.get('every')?.at ?? block.at, 'retry', 'retry.every is shorter than 100ms');
    }
    const budget = forMs ?? fallback.for_ms;
    if (everyMs !== null && budget > 0 && everyMs >= budget) {
      this.reader.findings.warn(
        block.get('every')?.at ?? block.at,
        'retry',
        `the step is never retried: its first retry comes after ${everyMs / 1_000} s, and its budget is ${budget / 1_000} s`,
        { hint: 'make retry.for longer, or retry.every shorter' },
      );
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
      max_every_ms: maxEveryMs ?? Math.max(MAX_WAIT_MS, every),
    };
  }
}
