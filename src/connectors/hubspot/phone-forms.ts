import { readPhone, toE164 } from '../../events/phone';

/**
 * How to write a national number in the forms that CRMs still hold, besides the one that `readPhone` makes of them:
 * Mexico's 1 for mobiles (until 2019), Brazil's mobiles without the 9 (until 2016), Benin's without 01 (until 2024),
 * Ivory Coast's without the operator's digits (until 2021). Argentina's 9 is only written from abroad.
 */
const OTHER_FORMS: Readonly<Record<string, readonly (readonly [RegExp, string])[]>> = {
  '52': [[/^(\d{10})$/, '1$1']],
  '54': [
    [/^9(\d{10})$/, '$1'],
    [/^([1-8]\d{9})$/, '9$1'],
  ],
  '55': [[/^(\d{2})9([6-9]\d{7})$/, '$1$2']],
  '225': [[/^0[157](\d{8})$/, '$1']],
  '229': [[/^01(\d{8})$/, '$1']],
};

/** One subscriber's number in every form in which a CRM may hold it. */
export interface PhoneForms {
  /** By which the person is told apart: the same for every form of the number. */
  readonly person: string;
  /** In E.164, the given one first. */
  readonly e164: readonly string[];
  /**
   * Digits without a leading zero: national, as people write it at home (with a trunk prefix such as Russia's 8), and
   * with the country's code. For comparing what cannot be read, and for HubSpot's searchable digits.
   */
  readonly digits: readonly string[];
  /** Like `digits`, and with the leading zeros that belong to the number, as in Italy. */
  readonly searchable: readonly string[];
}

/** @param e164 in E.164. */
export function phoneForms(e164: string): PhoneForms {
  const read = readPhone(e164, null);
  const code = read?.countryCallingCode ?? '';
  const national: string = read?.nationalNumber ?? e164.slice(1);
  const nationals = [
    national,
    ...(OTHER_FORMS[code] ?? []).flatMap(([form, other]) =>
      form.test(national) ? [national.replace(form, other)] : [],
    ),
  ];
  const all = unique([e164, ...nationals.map((each) => `+${code}${each}`)]);
  const atHome = all.map((each) => (readPhone(each, null)?.formatNational() ?? '').replace(/\D/g, ''));
  const searchable = unique([...nationals, ...atHome, ...all.map((each) => each.slice(1))]).filter(
    (each) => each !== '',
  );
  return {
    // Argentina's numbers come with and without the 9; the others are given in today's form.
    person: code === '54' ? longest(all) : e164,
    e164: all,
    searchable: unique([...searchable, ...searchable.map(withoutZeros)]),
    digits: unique(searchable.map(withoutZeros)),
  };
}

function longest(texts: readonly string[]): string {
  return texts.reduce((best, text) => (text.length > best.length ? text : best), '');
}

/**
 * Whether a number as a person typed it is one of these forms. One that cannot be read in the rule's country (or where
 * the rule names none) is compared digit by digit, without leading zeros.
 */
export function isSamePhone(stored: string | null | undefined, forms: PhoneForms, country: string | null): boolean {
  if (stored === null || stored === undefined || stored === '') {
    return false;
  }
  const read = toE164(stored, country);
  if (read !== null) {
    return forms.e164.includes(read);
  }
  const digits = withoutZeros((stored.split(/[a-z;#,]/i)[0] ?? '').replace(/\D/g, ''));
  return stored.trim().startsWith('+')
    ? forms.e164.includes(`+${digits}`)
    : digits.length >= 7 && forms.digits.includes(digits);
}

function withoutZeros(digits: string): string {
  return digits.replace(/^0+/, '');
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
