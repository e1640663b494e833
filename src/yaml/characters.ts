import type { YamlDocument } from './document';
import type { Findings } from './finding';

/** Control characters other than tab and line breaks. */
// eslint-disable-next-line no-control-regex -- these are what is looked for
const CONTROL = /[\0-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]/;
/** A line break of old Macs. The parser takes it for a space. */
const LONE_CR = /\r(?!\n)/;
/** A space that YAML takes for a letter, where a space has a meaning: in the indentation, after a dash or a colon. */
const WIDE_SPACE = /(?:^[ \t]*(?:- *)*|[:-])([\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000])/m;
/** Characters that nobody sees and that make two equal texts different. Those that join letters are not among them. */
const INVISIBLE = /[\u200B\u200E\u200F\u202A-\u202E\u2060\u2066-\u2069\uFEFF]/;

/**
 * Finds characters that do not belong in a configuration file: control characters and spaces that are no spaces are
 * errors, invisible characters warnings. Of each kind the first is reported.
 * @returns whether the file can be used.
 */
export function checkCharacters(document: YamlDocument, findings: Findings): boolean {
  const { text } = document;
  const control = CONTROL.exec(text);
  const loneCr = LONE_CR.exec(text);
  const wide = WIDE_SPACE.exec(text);
  const invisible = INVISIBLE.exec(text);
  if (control !== null) {
    const message = `the file contains the control character ${codePoint(control[0])}`;
    findings.error(document.positionAt(control.index), 'yaml', message, {
      hint: control[0] === '\0' ? 'is it a text file? Save it as UTF-8' : 'remove it',
    });
  }
  if (loneCr !== null) {
    const message = 'the lines end with a carriage return only';
    findings.error({ file: document.file, line: 1, column: loneCr.index + 1 }, 'yaml', message, {
      hint: 'save the file with line feeds (LF, or CRLF)',
    });
  }
  if (wide?.[1] !== undefined) {
    const at = document.positionAt(wide.index + wide[0].length - 1);
    findings.error(at, 'yaml', `the character ${codePoint(wide[1])} looks like a space and is none`, {
      hint: 'replace it with a space',
    });
  }
  if (invisible !== null) {
    const message = `the file contains the invisible character ${codePoint(invisible[0])}`;
    findings.warn(document.positionAt(invisible.index), 'invisible-character', message, {
      hint: 'remove it, or type the text again instead of copying it',
    });
  }
  return control === null && loneCr === null && wide === null;
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
