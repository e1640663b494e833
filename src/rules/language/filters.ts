import { numberText } from '../../events/exact-number';
import { readPhone } from '../../events/phone';
import { plainValue } from './escapes';
import { comparableNumber } from './operators';

/** The bridge's own filters, and Liquid's with another behaviour here; for the documentation. */
export const FILTER_DOCS: Readonly<Record<string, { description: string; example: string; result: string }>> = {
  default: {
    description: 'A replacement for an absent or empty value.',
    example: "{{ peer.name | default: 'unknown' }}",
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
    description: 'The first name of a person, without a title.',
    example: "{{ peer.name | default: 'there' | first_name }}",
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
      "A time in the rule's time zone. A time without a zone is UTC. The default format is `%Y-%m-%d %H:%M`. `'now'` is when the step began, also when it is retried later.",
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

/** `Ada` of `Ada Lovelace`, `Lovelace, Ada` and `Dr. Ada Lovelace`; other values unchanged. */
export function firstName(given: unknown): unknown {
  const name = plainValue(given);
  if (typeof name !== 'string') {
    return name;
  }
  const [family = '', first] = name.split(',').map((part) => part.trim());
  const [word] = (first === undefined || first === '' ? family : first).replace(TITLE, '').split(/\s+/);
  return word ?? name;
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
