/** What a stand-in took: the provider would have delivered or stored it. It holds personal data. */
export interface TakenItem {
  /** RFC 3339. */
  at: string;
  /** `mail`, `text`, `post`, `contact`, `call`, `task`. */
  what: string;
  /** To whom or where; null for a record. */
  to: string | null;
  /** What it says, line by line. */
  lines: string[];
}

/** Items that are shown of one stand-in at most, and characters of one line. */
export const MOST_SHOWN = 200;
const LONGEST_LINE = 2_000;
const MOST_LINES = 50;

/** The latest items, oldest first, within the bounds of one answer between processes. */
export function latest(items: readonly TakenItem[], last: number): TakenItem[] {
  return items
    .toSorted((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0))
    .slice(-Math.min(last, MOST_SHOWN))
    .map((item) => ({
      ...item,
      lines: item.lines.slice(0, MOST_LINES).map((line) => line.slice(0, LONGEST_LINE)),
    }));
}
