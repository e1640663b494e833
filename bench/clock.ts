/**
 * Milliseconds of the machine's monotonic clock, which all processes share: times of different processes can be
 * subtracted.
 */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Waits until a time of {@link nowMs}, to about a millisecond. */
export async function until(atMs: number): Promise<void> {
  const wait = atMs - nowMs();
  if (wait > 0) {
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/**
 * Calls `look` every `everyMs` until it returns a value other than null.
 * @throws Error when that takes longer than `withinMs`.
 */
export async function eventually<Value>(
  what: string,
  look: () => Promise<Value | null> | Value | null,
  withinMs: number,
  everyMs = 50,
): Promise<Value> {
  const deadline = nowMs() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== null) {
      return found;
    }
    if (nowMs() > deadline) {
      throw new Error(`it took longer than ${withinMs / 1_000} s until ${what}`);
    }
    await until(nowMs() + everyMs);
  }
}
