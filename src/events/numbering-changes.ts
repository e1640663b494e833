import type { CountryCode } from 'libphonenumber-js/min';

/** A change of a national numbering plan: numbers in the old form still reach the same phone, in the new form. */
interface NumberingChange {
  /** The national number, without the country's code, in the old form. */
  readonly old: RegExp;
  /** The replacement that makes the new form of it. */
  readonly now: string;
}

/**
 * Changes that carriers, exchanges and address books still ignore years later. They come from the regulators: Mexico's
 * IFT (2019: no 1 after +52, no 044, 045 and 01), Brazil's Anatel (2016: a 9 before mobile numbers), Benin's ARCEP
 * (2024: 01 before every number), the Ivory Coast's ARTCI (2021: 01, 05 or 07 before mobile numbers, by the operator,
 * whom the second digit named). Argentina's 9 and 15 are part of the plan itself, which the library knows.
 */
const CHANGES: Partial<Record<CountryCode, readonly NumberingChange[]>> = {
  MX: [{ old: /^(?:1|01|044|045)(\d{10})$/, now: '$1' }],
  BR: [{ old: /^(\d{2})([6-9]\d{7})$/, now: '$19$2' }],
  BJ: [{ old: /^(\d{8})$/, now: '01$1' }],
  CI: [
    { old: /^(\d[0-3]\d{6})$/, now: '01$1' },
    { old: /^(\d[4-6]\d{6})$/, now: '05$1' },
    { old: /^(\d[7-9]\d{6})$/, now: '07$1' },
  ],
};

/**
 * The national number in the form of today's numbering plan; null when no change applies. The caller checks that the
 * result is a valid number.
 */
export function renumbered(country: CountryCode | undefined, national: string): string | null {
  const changes = country === undefined ? [] : (CHANGES[country] ?? []);
  const change = changes.find(({ old }) => old.test(national));
  return change === undefined ? null : national.replace(change.old, change.now);
}
