/**
 * Edit distance with neighbouring swaps as one edit (optimal string alignment), because typing errors are mostly that.
 */
function distance(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const cost = one[i - 1] === other[j - 1] ? 0 : 1;
      let best = Math.min((last[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      }
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[other.length] ?? 0;
}

/**
 * The known name nearest to one that is not known, or null when none is near: at most a third of its letters differ.
 * Upper and lower case, dashes and underscores count as the same.
 */
export function nearest(name: string, known: Iterable<string>): string | null {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-\s]/g, '_');
  const wanted = plain(name);
  if (wanted.length > 100) {
    return null;
  }
  let found: string | null = null;
  let best = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of known) {
    const away = distance(wanted, plain(candidate));
    if (away < best) {
      best = away;
      found = candidate;
    }
  }
  return found;
}

/** `did you mean "direction"?`, or nothing when no known name is near. */
export function didYouMean(name: string, known: Iterable<string>): { hint: string } | Record<string, never> {
  const found = nearest(name, known);
  return found === null ? {} : { hint: `did you mean "${found}"?` };
}
