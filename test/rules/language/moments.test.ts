import { nextOpening, readMoment, withMoment } from '../../../src/rules/language/moments';
import { parseDays, parseTimeOfDay, type Span } from '../../../src/rules/language/windows';

function span(days: string, from: string, to: string, timezone: string, except: string[] = []): Span {
  const minutes = (text: string): number => parseTimeOfDay(text) ?? NaN;
  return { days: [...(parseDays(days) ?? [])], from: minutes(from), to: minutes(to), except, timezone };
}

const windows = {
  office: [span('mon-fri', '09:00', '18:00', 'Europe/Berlin', ['2026-12-25', '2026-04-06'])],
  split: [span('mon-fri', '09:00', '12:00', 'Asia/Seoul'), span('mon-fri', '12:00', '18:00', 'Asia/Seoul')],
  night: [span('fri', '22:00', '06:00', 'Europe/Berlin')],
  small: [span('daily', '01:00', '04:00', 'Europe/Berlin')],
  never: [
    span(
      'mon',
      '09:00',
      '18:00',
      'UTC',
      Array.from({ length: 80 }, (_, week) => dayIn(week)),
    ),
  ],
};

function dayIn(week: number): string {
  return new Date(Date.parse('2026-03-02') + week * 7 * 86_400_000).toISOString().slice(0, 10);
}

function read(text: string, after: string): string {
  const moment = readMoment(text, { windows, timezone: 'America/New_York', after: Date.parse(after) });
  return typeof moment === 'number' ? new Date(moment).toISOString() : (moment?.message ?? 'no moment');
}

test.each([
  ['the same day, before it opens', 'next office 09:00', '2026-03-02T07:00:00Z', '2026-03-02T08:00:00.000Z'],
  ['the next day, once it is nine', 'next office 09:00', '2026-03-02T08:00:00Z', '2026-03-03T08:00:00.000Z'],
  ['over a weekend', 'next office 09:00', '2026-03-06T18:00:00Z', '2026-03-09T08:00:00.000Z'],
  [
    'over a weekend on which the clocks go forward',
    'next office 09:00',
    '2026-03-27T18:00:00Z',
    '2026-03-30T07:00:00.000Z',
  ],
  ['over a weekend on which they go back', 'next office 09:00', '2026-10-23T18:00:00Z', '2026-10-26T08:00:00.000Z'],
  ['over a holiday and a weekend', 'next office 09:00', '2026-12-24T18:00:00Z', '2026-12-28T08:00:00.000Z'],
  ['another time in the window', 'next office 14:30', '2026-03-02T12:00:00Z', '2026-03-02T13:30:00.000Z'],
  ['when it opens', 'next office', '2026-03-02T12:00:00Z', '2026-03-03T08:00:00.000Z'],
  ['spans that meet open once', 'next split', '2026-03-02T00:30:00Z', '2026-03-03T00:00:00.000Z'],
  [
    'after midnight, still the window of the day before',
    'next night 02:00',
    '2026-03-02T00:00:00Z',
    '2026-03-07T01:00:00.000Z',
  ],
  [
    'a time that the clocks skip is an hour later',
    'next small 02:30',
    '2026-03-28T12:00:00Z',
    '2026-03-29T01:30:00.000Z',
  ],
  ['a time that is there twice is the first', 'next small 02:30', '2026-10-24T12:00:00Z', '2026-10-25T00:30:00.000Z'],
  ['a date and time in the zone of the rule', '2026-07-01 09:00', '2026-03-02T00:00:00Z', '2026-07-01T13:00:00.000Z'],
  ['the same with a T', '2026-12-01T09:00', '2026-03-02T00:00:00Z', '2026-12-01T14:00:00.000Z'],
  ['a time outside the window', 'next office 20:00', '2026-03-02T00:00:00Z', 'it is never 20:00 in office'],
  ['a window that stays closed', 'next never', '2026-03-02T00:00:00Z', 'never does not open'],
  ['no window', 'next offise 09:00', '2026-03-02T00:00:00Z', 'there is no window "offise"'],
  ['no time', 'next office 25:00', '2026-03-02T00:00:00Z', '"25:00" is not a time of day'],
  ['no date', '2026-02-30 09:00', '2026-03-02T00:00:00Z', 'it is not a date and a time of day'],
  ['words', 'next business day', '2026-03-02T00:00:00Z', 'no moment'],
])('%s', (_, text, after, expected) => {
  expect(read(text, after)).toBe(expected);
});

test('a text that names no moment stays as it is', () => {
  const scope = { windows, timezone: 'UTC', after: 0 };
  expect(['4h', 'next offise', '', '2026-03-02T09:00:00Z'].map((text) => withMoment(text, scope))).toEqual([
    '4h',
    'next offise',
    '',
    '2026-03-02T09:00:00Z',
  ]);
});

test('a window that is always open does not open', () => {
  expect(nextOpening([span('daily', '00:00', '24:00', 'UTC')], Date.parse('2026-03-02T00:00:00Z'))).toBeNull();
});
