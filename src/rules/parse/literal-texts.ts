import type { Findings, Position } from '../../yaml/finding';
import type { FieldDefinition } from '../language/field';
import { FIELDS } from '../language/field-list';
import { neverWithheld } from './never-equal';

type TextOperator = 'prefix' | 'suffix' | 'contains' | 'matches';

/** A mistake in a text that a field is compared with. */
interface Mistake {
  message: string;
  hint: string;
}

/** Warns of texts that are compared as they are, although they look as if they meant something else. */
export function warnOfText(
  findings: Findings,
  field: FieldDefinition,
  operator: TextOperator | null,
  text: string,
  at: Position,
): void {
  if (operator !== null) {
    warnOfWithheld(findings, field, text, at, true);
  }
  const mistake = mistakeIn(field, operator, text);
  if (mistake !== null) {
    findings.warn(at, 'literal-text', mistake.message, { hint: mistake.hint });
  }
}

/**
 * Warns of a word for a withheld number, wherever a number or name is compared with it: in `when`, in `if`, in a list or map.
 * @param isPart whether the field is searched for it.
 */
export function warnOfWithheld(
  findings: Findings,
  field: FieldDefinition,
  text: string,
  at: Position,
  isPart = false,
): void {
  const message = neverWithheld(field, text, isPart);
  if (message !== null) {
    findings.warn(at, 'literal-text', message, {
      hint: 'for a withheld number write { exists: false }, in if: == null',
    });
  }
}

function mistakeIn(field: FieldDefinition, operator: TextOperator | null, text: string): Mistake | null {
  const shown = JSON.stringify(text);
  if (/\{\{|\{%/.test(text)) {
    return {
      message: `conditions have no templates: ${shown} is compared as it is`,
      hint: 'compare two fields under if',
    };
  }
  if (operator === 'matches') {
    const slashes = /^\/(.*)\/([a-z]*)$/s.exec(text);
    return slashes === null
      ? null
      : {
          message: `the slashes are part of the pattern ${shown}`,
          hint: `write ${slashes[2]?.includes('i') === true ? '(?i)' : ''}${slashes[1] ?? ''}`,
        };
  }
  if (text !== text.trim() && text.trim() !== '' && operator === null) {
    return { message: `${shown} begins or ends with a space`, hint: `did you mean ${JSON.stringify(text.trim())}?` };
  }
  const bare = text.replace(/^[*%]+|[*%]+$/g, '');
  if (bare !== text && bare !== '' && !/^[*#\d]+$/.test(text)) {
    return {
      message: `there are no wildcards: ${shown} is compared as it is`,
      hint: `write { contains: ${JSON.stringify(bare)} }, or prefix or suffix`,
    };
  }
  if (text === '') {
    return {
      message: `${field.name} is compared with an empty text`,
      hint: 'for "has no value" write { exists: false }',
    };
  }
  if (operator === null && field.kind !== 'choice' && FIELDS.some(({ name }) => name === text && name.includes('_'))) {
    return {
      message: `${shown} is compared as a text, not as the field`,
      hint: `compare two fields under if: ${field.name} == ${text}`,
    };
  }
  return field.kind === 'phone' ? mistakeInNumber(operator, text) : mistakeInPayload(field, text);
}

/** Numbers are compared as +15551234567. */
function mistakeInNumber(operator: TextOperator | null, text: string): Mistake | null {
  if (operator === null || !/^[+\d\s().-]+$/.test(text) || !/\d/.test(text)) {
    return null;
  }
  const digits = text.replaceAll(/[^\d+]/g, '');
  return digits === text
    ? null
    : {
        message: `phone numbers have no spaces, brackets or dashes here, so none has ${JSON.stringify(text)}`,
        hint: `write ${JSON.stringify(digits)}`,
      };
}

/** Values of the payload that the bridge has in another form in a field. */
function mistakeInPayload({ name }: FieldDefinition, text: string): Mistake | null {
  if (/^data\.(?:source|destination)\.target$/.test(name) && /^[\d\s().-]{5,}$/.test(text)) {
    return {
      message: `VoIPBIN sends numbers as +15551234567, so ${name} is never ${JSON.stringify(text)}`,
      hint: 'use peer.number or ours.number, which match in any format',
    };
  }
  return null;
}
