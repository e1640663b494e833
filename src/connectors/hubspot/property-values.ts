import type { PropertyDefinition } from './record';

const EPOCH_MS = /^\d{12,14}$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(\.\d+)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$/i;
/** VoIPBIN's "not yet" (DESIGN "Canonical event"). */
const NOT_YET_YEAR = 9999;

/**
 * A rendered text in the form that HubSpot takes for the property's type; null when it cannot be read as such.
 *
 * - empty: clears the property.
 * - `datetime`: any ISO time (a zone-less one is UTC, any number of fraction digits) or epoch milliseconds, to ISO in
 *   UTC. The year 9999 is empty.
 * - `date`: a day as it is; a time becomes its day in the rule's zone, as `YYYY-MM-DD`, which HubSpot keeps as midnight
 *   UTC.
 * - all others: as they are; HubSpot judges them.
 */
export function propertyValue(definition: PropertyDefinition | null, text: string, timezone: string): string | null {
  const trimmed = text.trim();
  if (trimmed === '' || (definition?.type !== 'date' && definition?.type !== 'datetime')) {
    return trimmed === '' ? '' : text;
  }
  if (definition.type === 'date' && DAY.test(trimmed)) {
    return Number.isNaN(Date.parse(trimmed)) ? null : trimmed;
  }
  const time = readTime(trimmed);
  if (time === null) {
    return null;
  }
  if (time.getUTCFullYear() >= NOT_YET_YEAR) {
    return '';
  }
  return definition.type === 'date' ? dayIn(time, timezone) : time.toISOString();
}

/** A time in any of the forms that VoIPBIN, templates and HubSpot write; null when it is not a time. */
function readTime(text: string): Date | null {
  if (EPOCH_MS.test(text)) {
    return new Date(Number(text));
  }
  if (DAY.test(text)) {
    return validOrNull(new Date(`${text}T00:00:00Z`));
  }
  const match = TIME.exec(text);
  if (match === null) {
    return null;
  }
  const [, day, clock, fraction = '', zone = 'Z'] = match;
  const utc = /^(?:Z|UTC)$/i.test(zone);
  return validOrNull(
    new Date(`${day}T${clock}${fraction.slice(0, 4)}${utc ? 'Z' : zone.replace(/^(...)(\d\d)$/, '$1:$2')}`),
  );
}

function validOrNull(date: Date): Date | null {
  return Number.isNaN(date.getTime()) ? null : date;
}

function dayIn(time: Date, timezone: string): string {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: timezone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  }).formatToParts(time);
  const part = (type: string): string => parts.find((candidate) => candidate.type === type)?.value ?? '';
  return `${part('year')}-${part('month')}-${part('day')}`;
}
