import type { JsonObject, JsonValue } from '../../events/json';
import { didYouMean } from '../../yaml/nearest-name';
import { fieldNamed, presenceFor } from '../language/fields';
import { isTemplate } from '../language/liquid';
import { readMoment } from '../language/moments';
import { referencesIn } from '../language/secret-references';
import type { Window } from '../language/windows';
import type { EventTypes } from '../rule';
import { quoted, type BlockReader, type Value } from './block-reader';
import { knownTypes } from './event-types';
import { positionAtPath } from './step-input';
import type { ReadStep } from './steps';

/** What the inputs of a rule are read with. */
export interface InputSurroundings {
  country: string | null;
  timezone: string;
  /** A window with an error is null. */
  windows: ReadonlyMap<string, Window | null>;
}

/**
 * Checks inputs that are written without templates and secrets with the action's own readers: what they refuse would
 * fail for every event.
 */
export function checkWrittenInputs(reader: BlockReader, step: ReadStep, surroundings: InputSurroundings): void {
  const { planned } = step;
  const place: Value = { node: step.input, at: step.at };
  const written = Object.entries(planned.input).filter(([, value]) => isLiteral(value));
  const input: JsonObject = { ...planned.input };
  const names: string[] = [];
  for (const [name, value] of written) {
    const moment = typeof value === 'string' && step.isMoment(name) ? momentIn(value, surroundings) : null;
    if (typeof moment === 'object' && moment !== null) {
      reader.findings.error(
        positionAtPath(reader, place, [name]),
        moment.unknown === undefined ? 'input' : 'unknown-window',
        `input "${name}" of ${planned.action}: ${moment.message}`,
        moment.unknown === undefined
          ? {}
          : surroundings.windows.size === 0
            ? { hint: 'define it under windows' }
            : didYouMean(moment.unknown, [...surroundings.windows.keys()]),
      );
    } else {
      names.push(name);
      input[name] = moment ?? value;
    }
  }
  for (const { input: name, message, remedy } of step.problemsOf(input, names, {
    country: surroundings.country,
    event: null,
  })) {
    reader.findings.error(
      positionAtPath(reader, place, [name]),
      'input',
      `input "${name}" of ${planned.action}: ${message.replace('the rendered ', '')}`,
      remedy === null ? {} : { hint: withoutSentence(remedy) },
    );
  }
}

/** Refuses inputs that do nothing for any event of the rule, and missing ones that every event of it would need. */
export function checkInputsFitTypes(reader: BlockReader, step: ReadStep, on: EventTypes): void {
  const types = knownTypes(on);
  if (types === null || types.length === 0) {
    return;
  }
  const { action, input } = step.planned;
  const place: Value = { node: step.input, at: step.at };
  const events = on.written.join(', ');
  for (const [name, value] of Object.entries(input)) {
    const only = step.onlyFor(name);
    const isUsed = only?.values === undefined || only.values.some((one) => one === value);
    if (only !== undefined && isUsed && !types.some((type) => only.types.test(type))) {
      reader.findings.error(
        positionAtPath(reader, place, [name]),
        'never-acts',
        `input "${name}" of ${action} does nothing here: ${events} ${only.why}`,
        { hint: 'remove it, or use another event' },
      );
    }
  }
  const missing = Object.entries(step.insteadOf).filter(([name, fieldName]) => {
    const field = fieldNamed(fieldName);
    return input[name] === undefined && field !== undefined && presenceFor(field, types) === 'never';
  });
  if (missing.length > 0) {
    const names = missing.map(([name]) => quoted(name)).join(' and ');
    reader.findings.error(
      step.at,
      'never-acts',
      `${action} needs ${names} here: ${events} has no ${missing.map(([, field]) => field).join(' and no ')}`,
      { hint: 'write it, or use an event of a call or message' },
    );
  }
}

/** The moment that a text names; null for a text that names none, or one of a window with a finding of its own. */
function momentIn(
  text: string,
  { windows, timezone }: InputSurroundings,
): string | Exclude<ReturnType<typeof readMoment>, number | null> | null {
  const valid = [...windows].flatMap(([name, window]): [string, Window][] => (window === null ? [] : [[name, window]]));
  const moment = readMoment(text, { windows: Object.fromEntries(valid), timezone, after: Date.now() });
  if (typeof moment === 'number') {
    return new Date(moment).toISOString();
  }
  // Any time stands for one in a window that could not be read.
  return moment?.unknown !== undefined && windows.has(moment.unknown) ? new Date(0).toISOString() : moment;
}

/** Whether a value is the same for every event. */
function isLiteral(value: JsonValue): boolean {
  if (typeof value === 'string') {
    return !isTemplate(value) && referencesIn(value).length === 0;
  }
  return typeof value === 'object' && value !== null ? Object.values(value).every(isLiteral) : true;
}

/** A remedy, which is a sentence, as a part of one. A proper name keeps its capital: remedies begin with a verb. */
function withoutSentence(remedy: string): string {
  return remedy.replace(/\.$/, '').replace(/^[A-Z](?=[a-z]+ )/, (letter) => letter.toLowerCase());
}
