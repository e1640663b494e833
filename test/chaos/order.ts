/**
 * How far two orders of the same things agree (Spearman's rank correlation): 1 when they are the same, 0 when one has
 * nothing to do with the other, -1 when it is reversed. Things that are missing in the second are left out.
 */
export function agreement(first: readonly string[], second: readonly string[]): number {
  const places = new Map(second.map((thing, place) => [thing, place]));
  const common = first.filter((thing) => places.has(thing));
  const ranks = new Map(
    [...common]
      .sort((one, other) => (places.get(one) ?? 0) - (places.get(other) ?? 0))
      .map((thing, rank) => [thing, rank]),
  );
  const count = common.length;
  const squares = common.reduce((sum, thing, rank) => sum + ((ranks.get(thing) ?? 0) - rank) ** 2, 0);
  return count < 2 ? 1 : 1 - (6 * squares) / (count * (count ** 2 - 1));
}
