import { joinTexts, printableLines, visible, type PrintableText } from '../text/printable';
import { hideTokensInLine } from '../text/tokens';
import type { Finding, Place } from './finding';

/**
 * One finding in a line: `config/rules.yaml:14:9  unknown field "direciton"; did you mean "direction"?`,
 * `environment PORT  receiver.port: expected a port from 0 to 65535`.
 */
export function formatFinding(finding: Finding): PrintableText {
  const severity = finding.severity === 'warning' ? 'warning: ' : '';
  const hint = finding.hint === undefined ? '' : `; ${finding.hint}`;
  return printableLines([
    `${formatPlace(finding.place)}  ${severity}${formatSubject(finding)}${finding.message}${hint}`,
  ]);
}

function formatPlace(place: Place): string {
  switch (place.kind) {
    case 'file':
      return `${place.file}:${place.line}:${place.column}`;
    case 'environment':
      return `environment ${place.variable}`;
    case 'nowhere':
      return 'settings';
  }
}

/** `receiver.port (PORT): `; without the variable where the place names it. */
function formatSubject({ subject, place }: Finding): string {
  if (subject === undefined) {
    return '';
  }
  return subject.variable === null || place.kind === 'environment'
    ? `${subject.setting}: `
    : `${subject.setting} (${subject.variable}): `;
}

/**
 * Findings for people, one below the other in the order given. A finding in a file is followed by its source line with a
 * caret under the column, without tokens.
 * @param sourceOf the text of a file; null when it cannot be read, and then the source line is left out.
 */
export function formatFindings(findings: readonly Finding[], sourceOf: (file: string) => string | null): PrintableText {
  const sources = new Map<string, readonly string[]>();
  // A line of megabytes may have a thousand findings.
  const shown = new Map<string, string | undefined>();
  const lineOf = (file: string, line: number): string | undefined => {
    const lines = sources.get(file) ?? sourceOf(file)?.split(/\r\n|\r|\n/) ?? [];
    sources.set(file, lines);
    const found = lines[line - 1];
    const key = `${line} ${file}`;
    if (!shown.has(key)) {
      shown.set(key, found === undefined ? undefined : hideTokensInLine(found));
    }
    return shown.get(key);
  };
  return joinTexts(
    findings.map((finding) => {
      const { place } = finding;
      const line = place.kind === 'file' ? lineOf(place.file, place.line) : undefined;
      if (place.kind !== 'file' || line === undefined || line.trim() === '') {
        return formatFinding(finding);
      }
      // A part of a long line is enough. Tabs before the caret stay tabs, so that it lines up in every terminal.
      const start = place.column > 100 ? place.column - 60 : 0;
      const part = line.slice(start, start + 140);
      const before = visible(line.slice(start, place.column - 1)).replace(/[^\t]/g, ' ');
      return joinTexts([formatFinding(finding), printableLines([`    ${part}`, `    ${before}^`])]);
    }),
  );
}

/** A finding as `bridge rules check --json` prints it. The keys are a contract. */
export interface FindingJson {
  severity: Finding['severity'];
  file?: string;
  line?: number;
  column?: number;
  code: string;
  message: string;
  hint?: string;
}

/** Converts a finding about a rule file to its JSON form. */
export function findingJson({ severity, place, code, message, hint }: Finding): FindingJson {
  const position = place.kind === 'file' ? { file: place.file, line: place.line, column: place.column } : {};
  return { severity, ...position, code, message, ...(hint === undefined ? {} : { hint }) };
}
