/** Where people read on. A test looks for the heading. */
const READ_ON = 'see "What rules cannot do" in docs/cookbook.md';

const WAIT = `a run does not wait: let a task have due, or ${READ_ON}`;
const COUNT = `limits hold back what is too much, and nothing counts to the third time: ${READ_ON}`;
const LOOP = `a step runs once for an event: write several steps, or name several receivers in one; ${READ_ON}`;

/** Keys that people try for what rules cannot do, with what to do instead. */
const KEYS: ReadonlyMap<string, string> = new Map([
  ...['wait', 'delay', 'sleep', 'pause'].map((key) => [key, WAIT] as const),
  ...['min', 'at_least', 'count'].map((key) => [key, COUNT] as const),
  ...['for_each', 'foreach', 'loop', 'repeat'].map((key) => [key, LOOP] as const),
  ['else', 'write a second step, or rule, with the opposite condition'],
  ['schedule', `rules act on events, not at times: let cron start a command; ${READ_ON}`],
  ['cron', `rules act on events, not at times: let cron start a command; ${READ_ON}`],
]);

/** What to do instead of a key that a block does not have; null for a key that is a mistake. */
export function insteadOfKey(key: string): string | null {
  return KEYS.get(key) ?? null;
}

const TIMES: ReadonlySet<string> = new Set([
  'schedule',
  'scheduled',
  'cron',
  'timer',
  'time',
  'daily',
  'hourly',
  'weekly',
]);

/** What to do instead of an event type that stands for a time; null for other names. */
export function insteadOfType(name: string): string | null {
  return TIMES.has(name) ? `rules act on events, not at times: let cron start a command; ${READ_ON}` : null;
}
