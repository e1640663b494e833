import { oneNumber, type Database } from '../../storage/sqlite';

/** Rows that are read at each step of a bisection. */
const COMPARED_AT_ONCE = 32;

/**
 * The `seq` at which a time begins, found by bisection: there is no index by time, which every acknowledgement would
 * wait for. Neighbours in a group commit, and single events that were accepted from the quarantine, may be out of order.
 *
 * @param time epoch milliseconds.
 * @param which `max` gives one that is not too late, `min` one that is not too early.
 */
export function seqAt(database: Database, time: number, which: 'max' | 'min'): number {
  let from = oneNumber(database, 'SELECT min(seq) FROM events');
  let to = oneNumber(database, 'SELECT max(seq) FROM events') + 1;
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    const sql = `SELECT ${which}(received_at) FROM (SELECT received_at FROM events WHERE seq >= ? ORDER BY seq LIMIT ?)`;
    if (oneNumber(database, sql, [middle, COMPARED_AT_ONCE]) >= time) {
      to = middle;
    } else {
      from = middle + 1;
    }
  }
  return from;
}
