/**
 * Characters that a terminal or editor acts on instead of showing them: control characters (C0 but tab and line feed,
 * DEL, C1 with NEL), bidirectional controls, line and paragraph separators, halves of surrogate pairs.
 */
const INVISIBLE = /(?![\t\n])[\p{Cc}\p{Surrogate}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu;

/**
 * Writes characters that a terminal acts on as `\u....`, so that a text from outside cannot move the cursor, colour,
 * reorder or hide what is printed. Tabs and line feeds stay. JSON stays the same JSON. Applying it twice changes nothing
 * more.
 */
export function visible(text: string): string {
  return text.replace(INVISIBLE, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

declare const printable: unique symbol;

/** A text for people in which every line break is the program's own. Made by {@link printableLines}. */
export type PrintableText = string & { readonly [printable]: true };

/**
 * Joins lines to a text. A line feed inside one of them is written as `\u000a`, so that a value from outside cannot begin
 * a line of its own. Values of several lines go through {@link indented} first.
 */
export function printableLines(lines: readonly string[]): PrintableText {
  return lines.map((line) => visible(line).replaceAll('\n', '\\u000a')).join('\n') as PrintableText;
}

/** Joins texts, one below the other. */
export function joinTexts(texts: readonly PrintableText[]): PrintableText {
  return texts.join('\n') as PrintableText;
}

/** The lines of a value of several lines, each behind the indentation. */
export function indented(value: string, indentation: string): string[] {
  return value.split('\n').map((line) => indentation + line);
}
