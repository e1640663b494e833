const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};
const SIZE = /^(\d+(?:\.\d+)?)\s*([kmgt]?i?b)?$/i;

/**
 * Parses an amount of data: `10MiB`, `5GB`, `1.5 GB`. A number without a unit is in bytes.
 * @returns whole bytes, or null when the text is not a size.
 */
export function parseSize(text: string): number | null {
  const match = SIZE.exec(text.trim());
  const factor = UNITS[match?.[2]?.toLowerCase() ?? 'b'];
  return match === null || factor === undefined ? null : Math.round(Number(match[1]) * factor);
}
