/**
 * Waits for a promise, but not beyond a bound.
 *
 * Not guaranteed: that the work ends. What has not settled in time goes on, and its result or error is ignored.
 *
 * @returns whether it settled (a rejection counts) within `withinMs` milliseconds.
 */
export async function settlesWithin(work: Promise<unknown>, withinMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), withinMs);
  });
  const settled = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
