/** A place in a rule file, as editors count: lines and columns from 1, columns in UTF-16 units. */
export interface Position {
  file: string;
  line: number;
  column: number;
}

/**
 * Something wrong, or worth a look, in a rule file. An error keeps the whole set from being used; a warning does not.
 */
export interface Finding extends Position {
  severity: 'error' | 'warning';
  /** Stable and machine-readable: `unknown-field`. */
  code: string;
  /** What is wrong, one clause, no full stop. Quotes what stands in the file, never an event's content. */
  message: string;
  /** What to do about it, where the message does not say it already. */
  hint?: string;
}

/** One finding in a line: `config/rules.yaml:14:9  unknown field "direciton"; did you mean "direction"?` */
export function formatFinding(finding: Finding): string {
  const severity = finding.severity === 'warning' ? 'warning: ' : '';
  const hint = finding.hint === undefined ? '' : `; ${finding.hint}`;
  return `${finding.file}:${finding.line}:${finding.column}  ${severity}${finding.message}${hint}`;
}

/**
 * Findings for people, in the order of the files and lines: each with its source line and a caret under the column.
 * @param sourceOf the text of a file, or null when it could not be read; then the line is left out.
 */
export function formatFindings(findings: readonly Finding[], sourceOf: (file: string) => string | null): string {
  const sources = new Map(
    [...new Set(findings.map(({ file }) => file))].map((file) => [file, sourceOf(file)?.split(/\r\n|\r|\n/) ?? []]),
  );
  return findings
    .map((finding) => {
      const line = sources.get(finding.file)?.[finding.line - 1];
      if (line === undefined || line.trim() === '') {
        return formatFinding(finding);
      }
      // A window of the line is enough; tabs stay tabs before the caret, so that it lines up in any terminal.
      const start = finding.column > 100 ? finding.column - 60 : 0;
      const shown = line.slice(start, start + 140);
      const before = line.slice(start, finding.column - 1).replace(/[^\t]/g, ' ');
      return `${formatFinding(finding)}\n    ${shown}\n    ${before}^`;
    })
    .join('\n');
}

/** Findings in reading order: by file (in order of first appearance), line and column. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  const files = [...new Set(findings.map((finding) => finding.file))];
  return [...findings].sort(
    (one, other) =>
      files.indexOf(one.file) - files.indexOf(other.file) || one.line - other.line || one.column - other.column,
  );
}

/** Where findings are put while files are read. One per load, so that all faults are told at once. */
export class Findings {
  readonly all: Finding[] = [];

  error(at: Position, code: string, message: string, more: { hint?: string } = {}): void {
    this.all.push({ severity: 'error', ...place(at), code, message, ...more });
  }

  warn(at: Position, code: string, message: string, more: { hint?: string } = {}): void {
    this.all.push({ severity: 'warning', ...place(at), code, message, ...more });
  }

  get hasErrors(): boolean {
    return this.all.some((finding) => finding.severity === 'error');
  }
}

function place(at: Position): Position {
  return { file: at.file, line: at.line, column: at.column };
}
