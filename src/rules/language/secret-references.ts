import type { JsonObject, JsonValue } from '../../events/json';

/**
 * Delimit a reference in a rendered text. Unicode never assigns these two characters (noncharacters), and inserted
 * values lose them: so what an event brings can never become a reference, whatever stands around it.
 */
const [OPEN, CLOSE] = ['\uFDD0', '\uFDD1'];
const WRITTEN = /\$(\$?)\{((?:env|file):[^{}]*)\}/g;
const MARKED = /\uFDD0([^\uFDD0\uFDD1]*)\uFDD1/g;

/** The references that a text of a rule contains, such as `env:CRM_TOKEN`. `$${env:…}` is a literal text. */
export function referencesIn(text: string): string[] {
  return [...text.matchAll(WRITTEN)].flatMap(([, escaped, reference = '']) => (escaped === '' ? [reference] : []));
}

/** A text without its references. */
export function withoutReferences(text: string): string {
  return text.replace(WRITTEN, '');
}

/** Marks the references in a text of a rule, before it is rendered. */
export function markReferences(text: string): string {
  return text.includes('${')
    ? text.replace(WRITTEN, (whole, escaped: string, reference: string) =>
        escaped === '' ? `${OPEN}${reference}${CLOSE}` : whole.slice(1),
      )
    : text;
}

/** An inserted value, which cannot contain marks. */
export function withoutMarks(text: string): string {
  return text.replace(/[\uFDD0\uFDD1]/g, (mark) => (mark === OPEN ? '${' : '}'));
}

/** A rendered input as people see it: with references instead of secrets. */
export function showReferences(rendered: JsonObject): JsonObject {
  return mapTexts(rendered, [], withoutMarks);
}

/**
 * Replaces the marked references of a rendered input by their values, which are not searched for further references.
 * @param valueOf gets the reference and the path of its text.
 */
export function fillReferences(
  rendered: JsonObject,
  valueOf: (reference: string, path: readonly string[]) => string,
): JsonObject {
  return mapTexts(rendered, [], (text, path) =>
    text.replace(MARKED, (_, reference: string) => valueOf(reference, path)),
  );
}

function mapTexts(
  object: JsonObject,
  path: readonly string[],
  map: (text: string, path: readonly string[]) => string,
): JsonObject {
  const mapped = (value: JsonValue, at: readonly string[]): JsonValue => {
    if (typeof value === 'string') {
      return map(value, at);
    }
    if (Array.isArray(value)) {
      return value.map((item, index) => mapped(item, [...at, String(index)]));
    }
    return typeof value === 'object' && value !== null ? mapTexts(value, at, map) : value;
  };
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, mapped(value, [...path, key])]));
}
