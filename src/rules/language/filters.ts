import { numberText } from '../../events/exact-number';
import { readPhone } from '../../events/phone';
import { plainValue } from './escapes';
import { comparableNumber } from './operators';

/** The bridge's own filters, and Liquid's with another behaviour here; for the documentation. */
export const FILTER_DOCS: Readonly<Record<string, { description: string; example: string; result: string }>> = {
  default: {
    description:
      'A replacement for an absent or empty value. Write it last: filters before it leave an absent value absent, and what they make empty is replaced too. Filters after it change the replacement.',
    example: "{{ peer.name | upcase | default: 'unknown' }}",
    result: 'unknown',
  },
  phone: {
    description: "A phone number in international format, or national with `phone: 'national'`.",
    example: '{{ peer.number | phone }}',
    result: '+82 10 1234 5678',
  },
  e164: {
    description: 'A phone number in E.164.',
    example: '{{ peer.number | e164 }}',
    result: '+821012345678',
  },
  lookup: {
    description: 'The value of a map of the rule file. Phone numbers are found in any format.',
    example: "{{ ours.number | lookup: 'managers' | default: 'office@example.com' }}",
    result: 'anna@example.com',
  },
  first_name: {
    description:
      'The first name of a person, without a title; empty for a text without letters, such as a number. A name in Korean, Chinese or Japanese script stays whole, for its family name comes first. Of such a name in Latin letters it gives the family name (`Kim` of `Kim Min-su`): nothing tells the two apart.',
    example: "{{ peer.name | first_name | default: 'there' }}",
    result: 'Ada',
  },
  mask: {
    description: 'Hides all but the last four characters.',
    example: '{{ peer.number | mask }}',
    result: '*********5678',
  },
  duration: {
    description: 'Seconds as hours, minutes and seconds.',
    example: '{{ talk_s | duration }}',
    result: '2 min 05 s',
  },
  sample: {
    description: 'A random item of a list, or a list of so many; the same ones when the step is retried.',
    example: "{{ 'Hi,Hello' | split: ',' | sample }}",
    result: 'Hello',
  },
  date: {
    description:
      "A time in the rule's time zone, or in the one that is named: `date: '%H:%M', 'Asia/Seoul'`. A time without a zone is UTC. The default format is `%Y-%m-%d %H:%M`. `'now'` is when the step began, also when it is retried later.",
    example: "{{ occurred_at | date: '%H:%M' }}",
    result: '10:00',
  },
};

/** A phone number for people; other values unchanged. */
export function phoneText(value: unknown, country: string | null, form: unknown): unknown {
  const read = typeof value === 'string' ? readPhone(value, country) : null;
  if (read === null) {
    return value;
  }
  return form === 'national' ? read.formatNational() : read.formatInternational();
}

/**
 * The value of a map; null where it has none.
 * @param variables with `maps`, whose keys are as `comparableNumber` gives them.
 */
export function lookedUp(variables: object, given: unknown, name: unknown, country: string | null): unknown {
  const key = numberText(given) ?? plainValue(given);
  const maps: unknown = 'maps' in variables ? variables.maps : null;
  const map: unknown = typeof name === 'string' ? ownValue(maps, name) : null;
  return typeof key === 'string' ? (ownValue(map, comparableNumber(key, country)) ?? null) : null;
}

function ownValue(object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null
    ? Object.getOwnPropertyDescriptor(object, name)?.value
    : undefined;
}

const TITLE = /^(?:(?:mr|mrs|ms|miss|mx|dr|prof|herr|frau)\.?\s+)+(?=\S)/i;

/** Scripts of languages that write the family name first, mostly without a space. */
const FAMILY_NAME_FIRST = /\p{Script=Hangul}|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}/u;

/**
 * `Ada` of `Ada Lovelace`, `Lovelace, Ada` and `Dr. Ada Lovelace`; null for a text whose first word has no letter, such as a
 * phone number. A name in Korean, Chinese or Japanese script and other values are unchanged.
 */
export function firstName(given: unknown): unknown {
  const name = plainValue(given);
  if (typeof name !== 'string' || FAMILY_NAME_FIRST.test(name)) {
    return typeof name === 'string' ? name.trim() : name;
  }
  const [family = '', first] = name.split(',').map((part) => part.trim());
  const [word] = (first === undefined || first === '' ? family : first).replace(TITLE, '').split(/\s+/);
  return word !== undefined && /\p{L}/u.test(word) ? word : null;
}

/** Replaces all but the last four characters by stars, and a short text wholly. */
export function masked(value: unknown): unknown {
  const text = numberText(value) ?? plainValue(value);
  if (typeof text !== 'string') {
    return value;
  }
  const shown = text.length >= 8 ? 4 : 0;
  return '*'.repeat(text.length - shown) + text.slice(text.length - shown);
}

/** Seconds as `1 h 02 min`, `2 min 05 s` or `45 s`; other values unchanged. */
export function durationText(given: unknown): unknown {
  const value = plainValue(given);
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number) || number < 0) {
    return value;
  }
  const seconds = Math.round(number);
  const two = (part: number): string => String(part).padStart(2, '0');
  if (seconds >= 3_600) {
    return `${Math.floor(seconds / 3_600)} h ${two(Math.floor((seconds % 3_600) / 60))} min`;
  }
  return seconds >= 60 ? `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s` : `${seconds} s`;
}
