import type { FindingCode } from '../errors/finding-codes';
import { hideTokens } from '../text/tokens';

/** A place in a file, as editors count: lines and columns from 1, columns in UTF-16 units. */
export interface Position {
  file: string;
  line: number;
  column: number;
}

/** Where a value was read: in a file, in an environment variable, or nowhere because it is missing. */
export type Place = ({ kind: 'file' } & Position) | { kind: 'environment'; variable: string } | { kind: 'nowhere' };

/** The setting that a finding is about. */
export interface Subject {
  /** Dotted, as in the file: `receiver.port`. */
  setting: string;
  /** The environment variable that sets it too; null when there is none. */
  variable: string | null;
}

/** An error or a warning about a rule file or a setting. An error prevents the use of all that was read with it. */
export interface Finding {
  severity: 'error' | 'warning';
  code: FindingCode;
  place: Place;
  /** The setting. Absent in findings about rule files and about a settings file as a whole. */
  subject?: Subject;
  /** What is wrong, one clause, no full stop. Never an event's content and never the value of a setting. */
  message: string;
  /** What to do about it, where the message does not say so. */
  hint?: string;
}

/** The optional parts of a finding. */
export type FindingDetails = Pick<Finding, 'hint' | 'subject'>;

/** Further errors, and further warnings, are not collected. */
const MOST_OF_A_SEVERITY = 1_000;

/**
 * Collects the findings of one load, so that all of them are reported together: the first 1,000 errors and the first
 * 1,000 warnings, with a finding `too-many` at the place of the next one.
 */
export class Findings {
  all: Finding[] = [];
  readonly #counts = { error: 0, warning: 0 };

  /** Adds an error. */
  error(at: Position | Place, code: FindingCode, message: string, details: FindingDetails = {}): void {
    this.#add('error', at, code, message, details);
  }

  /** Adds a warning. */
  warn(at: Position | Place, code: FindingCode, message: string, details: FindingDetails = {}): void {
    this.#add('warning', at, code, message, details);
  }

  /** A message may quote what someone wrote: never a token. */
  #add(
    severity: Finding['severity'],
    at: Position | Place,
    code: FindingCode,
    message: string,
    { hint, subject }: FindingDetails,
  ): void {
    this.#counts[severity] += 1;
    if (this.#counts[severity] > MOST_OF_A_SEVERITY) {
      if (this.#counts[severity] === MOST_OF_A_SEVERITY + 1) {
        const what = `more than ${MOST_OF_A_SEVERITY} ${severity}s: the others are not listed`;
        this.all.push({ severity, code: 'too-many', place: placeOf(at), message: what });
      }
      return;
    }
    this.all.push({
      severity,
      code,
      place: placeOf(at),
      message: hideTokens(message),
      ...(hint === undefined ? {} : { hint: hideTokens(hint) }),
      ...(subject === undefined ? {} : { subject: { ...subject, setting: hideTokens(subject.setting) } }),
    });
  }

  /** Removes findings that do not matter to the caller. */
  drop(isDropped: (finding: Finding) => boolean): void {
    this.all = this.all.filter((finding) => !isDropped(finding));
  }

  /** How many were found, also of those that are not listed. */
  get count(): number {
    return this.#counts.error + this.#counts.warning;
  }

  get hasErrors(): boolean {
    return this.all.some((finding) => finding.severity === 'error');
  }
}

/** A place from a position, which may carry further fields. */
export function placeOf(at: Position | Place): Place {
  return 'kind' in at && !('file' in at) ? at : { kind: 'file', file: at.file, line: at.line, column: at.column };
}

/** Whether a finding is about this file. */
export function isInFile(finding: Finding, file: string): boolean {
  return finding.place.kind === 'file' && finding.place.file === file;
}

/**
 * Findings in reading order: files in order of first appearance, each from its top; then the environment; then what is
 * missing.
 */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  const files = [...new Set(findings.flatMap(({ place }) => (place.kind === 'file' ? [place.file] : [])))];
  const rank = ({ place }: Finding): readonly [number, number, number] =>
    place.kind === 'file'
      ? [files.indexOf(place.file), place.line, place.column]
      : [files.length + (place.kind === 'environment' ? 0 : 1), 0, 0];
  return [...findings].sort((one, other) => {
    const [a, b] = [rank(one), rank(other)];
    return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
  });
}
