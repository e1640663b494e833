import { typesFor } from '../../events/catalogue';
import { exampleAbroad, numberOutsidePlan } from '../../events/number-plan';
import { isWithheld, looksForWithheld } from '../../events/withheld';
import { nearest } from '../../yaml/nearest-name';
import type { FieldDefinition } from '../language/field';
import { comparableNumber } from '../language/operators';

/** Why a field is never what it is compared with, and what to write instead. */
export interface NeverEqual {
  message: string;
  hint: string;
}

/** Fields whose value is absent where it only says that the number is withheld. */
function isName({ name }: FieldDefinition): boolean {
  return /(?:^|\.)(?:peer|ours|leg)\.name$/.test(name);
}

/**
 * Why a number or name is never this text, because rules see none where a caller withheld the number.
 * @param isPart whether the field is searched for it: by `contains`, `prefix` or a pattern.
 */
export function neverWithheld(field: FieldDefinition, text: string, isPart: boolean): string | null {
  const isWord = isPart
    ? field.kind === 'phone' && looksForWithheld(text)
    : (field.kind === 'phone' || isName(field)) && /[a-z]/i.test(text) && isWithheld(text);
  const verb = isPart ? 'never has' : 'is never';
  return isWord ? `a withheld number is absent, so ${field.name} ${verb} ${JSON.stringify(text)}` : null;
}

/** Why a field is never this text where nothing is converted, in `if` and in texts: a number in another format. */
export function neverSpelled(field: FieldDefinition, text: string, country: string | null): NeverEqual | null {
  const number = field.kind === 'phone' ? comparableNumber(text, country) : text;
  return number === text
    ? null
    : {
        message: `numbers are compared here as they are written, so ${field.name} is never ${JSON.stringify(text)}`,
        hint:
          numberOutsidePlan(text, country) === null
            ? `write ${JSON.stringify(number)}`
            : `write it with its country code, such as "${exampleAbroad(country).replaceAll(' ', '')}"`,
      };
}

/**
 * Why a comparison in a text is never met: a word for a withheld number, a number in another format, a word that the field
 * does not have, a number or truth value in quotes.
 */
export function neverInTemplate(
  field: FieldDefinition,
  text: string,
  isPart: boolean,
  country: string | null,
): NeverEqual | null {
  const withheld = neverWithheld(field, text, isPart);
  if (withheld !== null) {
    return { message: withheld, hint: `for a withheld number write {% unless ${field.name} %} … {% endunless %}` };
  }
  if (isPart) {
    return null;
  }
  const { name, kind, choices, open } = field;
  const never = `${name} is never ${JSON.stringify(text)}`;
  if (kind === 'seconds') {
    return { message: `${never}: it is a number of seconds`, hint: 'write the number without quotes' };
  }
  if (kind === 'boolean') {
    return { message: `${never}: it is true or false`, hint: `write {% if ${name} %} or {% unless ${name} %}` };
  }
  const liveTypes = name === 'type' ? typesFor(text) : null;
  if (liveTypes?.includes(text) === false) {
    return {
      message: `${never}: it has the live name`,
      hint: `write ${liveTypes.map((type) => `"${type}"`).join(' or ')}`,
    };
  }
  if (choices !== undefined && choices.every(({ value }) => value !== text)) {
    const words = choices.map(({ value }) => value);
    const synonym = choices.find(({ synonyms }) => synonyms?.includes(text.toLowerCase()) === true);
    const near = synonym?.value ?? nearest(text, words);
    // VoIPBIN may send other words in an open field.
    if (near !== null || open !== true) {
      return { message: never, hint: near === null ? `it is ${words.join(' or ')}` : `did you mean "${near}"?` };
    }
  }
  return neverSpelled(field, text, country);
}
