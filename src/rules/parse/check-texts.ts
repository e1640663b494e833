import { isMap, isScalar, isSeq, type Node } from 'yaml';
import type { Position } from '../../yaml/finding';
import { analyseCel } from '../language/cel-references';
import { fieldNamed } from '../language/fields';
import { isTemplate } from '../language/liquid';
import type { BlockReader, Value } from './block-reader';
import type { ComparedValues } from './operands';
import type { ReadStep } from './steps';
import { checkTemplate } from './template-check';
import type { Variables } from './variables';

/** Checks the templates and the condition of a step against the variables that exist when it runs. */
export function checkStepTexts(
  reader: BlockReader,
  step: ReadStep,
  variables: Variables,
  values: ComparedValues,
): void {
  checkTexts({ reader, step, variables }, step.input, []);
  if (step.planned.if !== undefined && step.ifAt !== null) {
    checkCel(reader, step.planned.if, step.ifAt, variables, values);
  }
}

interface Texts {
  reader: BlockReader;
  step: ReadStep;
  variables: Variables;
}

/** @param path of the node within the step's input. */
function checkTexts(texts: Texts, node: Node | null, path: readonly string[]): void {
  const { reader, step, variables } = texts;
  if (isMap(node)) {
    reader.document.entries(node).forEach(({ key, node: inner }) => checkTexts(texts, inner, [...path, key]));
  } else if (isSeq(node)) {
    reader.document.items(node).forEach((inner, index) => checkTexts(texts, inner, [...path, String(index)]));
  } else if (isScalar(node) && typeof node.value === 'string' && isTemplate(node.value)) {
    for (const problem of checkTemplate(node.value, variables, { groups: step.accepts(path, {}) })) {
      reader.findings.error(
        reader.document.positionInside(node, problem.row, problem.column),
        problem.code,
        problem.message,
        problem.hint === undefined ? {} : { hint: problem.hint },
      );
    }
  }
}

/** Checks a CEL condition: syntax, functions, variables, and the values that fields are compared with. */
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
  for (const problem of references.problems) {
    reader.findings.error(
      place(problem.offset),
      problem.code,
      problem.message,
      problem.hint === undefined ? {} : { hint: problem.hint },
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
      values.comparable(field, constant, place(offset));
    }
  }
}
