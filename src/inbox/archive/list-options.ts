import type { Bound } from '../../storage/sqlite';

/** Which events a list has. Every option is judged by SQLite, so events that do not pass are not parsed. */
export interface ListOptions {
  limit: number;
  /** Only events before this `seq`, the last one of the previous page. */
  before?: number;
  /** Only events with this `seq` or a greater one. */
  from?: number;
  /** Only these. */
  seqs?: readonly number[];
  /** Canonical types (`call_hangup`). */
  types?: readonly string[];
  /** Only events received at or after this time. */
  since?: Date;
  /** Only events received before this time. */
  until?: Date;
  outcome?: 'received' | 'ignored';
  /** Only events with one of these plans (`InboxReader.plansWhere`). */
  plans?: readonly number[];
  /** Only events whose head contains this: digits of a number. Not exact: other fields may contain them. */
  headContains?: string;
  /**
   * Only events whose text contains this. Not exact: upper and lower case count as equal, and a character that is not
   * ASCII stands for any.
   */
  text?: string;
}

/**
 * Clocks that are set back make the order of arrival and of time differ. Events are found all the same if it was by less
 * than this.
 */
export const CLOCK_SET_BACK_MS = 900_000;

/**
 * The condition of a list in SQL.
 * @param seqAt finds the event with which a time begins: one that is not too late (`max`), or not too early (`min`).
 */
export function conditionsOf(
  options: ListOptions,
  seqAt: (time: number, which: 'max' | 'min') => number,
): { where: string; values: Bound[] } {
  const conditions: [string, ...Bound[]][] = [['seq < ?', options.before ?? Number.MAX_SAFE_INTEGER]];
  const { from, seqs, types, since, until, outcome, plans, headContains, text } = options;
  if (from !== undefined) {
    conditions.push(['seq >= ?', from]);
  }
  if (seqs !== undefined) {
    conditions.push([`seq IN (${seqs.map(String).join(', ')})`]);
  }
  if (types !== undefined) {
    conditions.push([`type IN (${types.map(() => '?').join(', ')})`, ...types]);
  }
  if (since !== undefined) {
    conditions.push(['seq >= ?', seqAt(since.getTime() - CLOCK_SET_BACK_MS, 'max')]);
    conditions.push(['received_at >= ?', since.getTime()]);
  }
  if (until !== undefined) {
    conditions.push(['seq < ?', seqAt(until.getTime() + CLOCK_SET_BACK_MS, 'min')]);
    conditions.push(['received_at < ?', until.getTime()]);
  }
  if (outcome !== undefined) {
    conditions.push([outcome === 'received' ? 'plan IS NOT NULL' : 'plan IS NULL']);
  }
  if (plans !== undefined) {
    conditions.push([`plan IN (${plans.map(String).join(', ')})`]);
  }
  if (headContains !== undefined) {
    conditions.push(['instr(head, ?) > 0', headContains]);
  }
  if (text !== undefined) {
    conditions.push(["json_extract(head, '$.text') LIKE ? ESCAPE '\\'", likePattern(text)]);
  }
  return {
    where: conditions.map(([sql]) => sql).join(' AND '),
    values: conditions.flatMap(([, ...values]) => values),
  };
}

function likePattern(text: string): string {
  const literal = text.replace(/[\\%_]/g, (character) => `\\${character}`);
  // SQLite compares letters beyond ASCII with their case.
  return `%${literal.replace(/[^\x20-\x7e]/gu, '_')}%`;
}
