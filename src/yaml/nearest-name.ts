import { distance } from 'fastest-levenshtein';

/** Longer names are not compared: the cost grows with the square of the length. */
const MAX_NAME_CHARS = 100;

/**
 * The known name nearest to an unknown one, or null when none is near: at most a third of its letters may differ. Two
 * swapped neighbours count as one difference, because most typing errors are swaps. Upper and lower case, dashes and
 * underscores count as equal.
 */
export function nearest(name: string, known: Iterable<string>): string | null {
  const wanted = normalize(name);
  if (wanted.length > MAX_NAME_CHARS) {
    return null;
  }
  let found: string | null = null;
  let best = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of known) {
    // Each character that one has more is a difference.
    if (Math.abs(candidate.length - wanted.length) >= best) {
      continue;
    }
    const differences = distanceWithSwap(wanted, normalize(candidate), best);
    if (differences < best) {
      best = differences;
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

function normalize(text: string): string {
  return text.toLowerCase().replaceAll(/[-\s]/g, '_');
}

/**
 * Levenshtein's distance, or less when one swap of neighbours explains more. A swap alone costs two there, so nothing
 * is gained when the plain distance is above the limit.
 */
function distanceWithSwap(one: string, other: string, limit: number): number {
  let best = distance(one, other);
  if (best < 2 || best > limit) {
    return best;
  }
  for (let index = 0; index + 1 < one.length; index += 1) {
    const swapped = one.slice(0, index) + one.charAt(index + 1) + one.charAt(index) + one.slice(index + 2);
    best = Math.min(best, distance(swapped, other) + 1);
  }
  return best;
}
