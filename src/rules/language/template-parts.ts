/** A text of a rule, taken apart at its `{{ }}` and `{% %}`. */
export interface TemplateParts {
  /** The parts with their brackets. */
  parts: string[];
  /** What is around them: one more than there are parts. */
  literals: string[];
}

/**
 * Splits a text at its `{{ }}` and `{% %}`. One that is not closed is text.
 *
 * Not a regular expression: it would look for the end of each opening again, and take minutes for 300,000 of them.
 */
export function splitTemplate(text: string): TemplateParts {
  const parts: string[] = [];
  const literals: string[] = [];
  let from = 0;
  const unclosed = new Set<string>();
  for (const { 0: opening, index } of text.matchAll(/\{[{%]/g)) {
    if (index < from || unclosed.has(opening)) {
      continue;
    }
    const closing = text.indexOf(opening === '{{' ? '}}' : '%}', index + 2);
    if (closing === -1) {
      unclosed.add(opening);
      continue;
    }
    literals.push(text.slice(from, index));
    from = closing + 2;
    parts.push(text.slice(index, from));
  }
  literals.push(text.slice(from));
  return { parts, literals };
}

/** What is between the brackets of the templates in a text. */
export function insideTemplates(text: string): string[] {
  return splitTemplate(text).parts.map((part) => part.slice(2, -2));
}

/**
 * The first value that a template inserts into the host of its URL: `{{ data.host }}` of `https://{{ data.host }}/` and of
 * `https://crm.example{{ data.path }}`. Null when all of the host is written, or looked up in a map of the rule file.
 */
export function valueInHost(text: string): string | null {
  const { parts, literals } = splitTemplate(text);
  let before = '';
  for (const [index, part] of parts.entries()) {
    before += literals[index] ?? '';
    if (!/^\s*[a-z][a-z0-9+.-]*:[/\\]*[^/\\?#]*$/i.test(before)) {
      // Before the scheme, values make no URL: they are encoded. After the host, they may be anything.
      if (/^\s*[a-z][a-z0-9+.-]*:/i.test(before)) {
        return null;
      }
    } else if (part.startsWith('{{') && !/\|\s*lookup\s*:/.test(part)) {
      return part;
    }
  }
  return null;
}
