import { isScalar, isSeq } from 'yaml';
import type { Position } from '../../yaml/finding';
import { nearest } from '../../yaml/nearest-name';
import { WINDOW_KEYS } from '../language/keys';
import { meantTimeOfDay, parseDays, parseTimeOfDay, type Span, type Window } from '../language/windows';
import { quoted, type Block, type BlockReader, type Value } from './block-reader';
import { readNamed, type NamedList } from './lists';
import { readTimezone, type Defaults } from './locale';
import type { ListItem } from './operands';

const MINUTES_PER_DAY = 1_440;
const ALL_DAYS = [0, 1, 2, 3, 4, 5, 6];

/** What a person who writes dates into a window is after. */
const PERIOD_HINT =
  'a window is a time of the week; for a period of dates, write occurred_at: { gte: "2026-12-24", lt: "2027-01-02" } under when; for days without the window, except';

function isDate(text: string): boolean {
  return /^\d{4}-\d{1,2}-\d{1,2}/.test(text);
}

/** Reads the `windows` block of one file. A window with an error is null: its own finding reports it. */
export function readWindows(
  reader: BlockReader,
  value: Value,
  lists: ReadonlyMap<string, NamedList>,
  defaults: Defaults,
): Map<string, Window | null> {
  const windows = new Map<string, Window | null>();
  for (const { name, inner } of readNamed(reader, value, 'windows')) {
    const items = reader.listOf(inner);
    if (items.length === 0) {
      reader.findings.error(inner.at, 'empty', `the window ${name} has no times, so it is never open`);
    }
    const spans = items.map((item) => readSpan(reader, item, lists, defaults));
    windows.set(name, spans.some((span) => span === null) ? null : spans.filter((span) => span !== null));
  }
  return windows;
}

function readSpan(
  reader: BlockReader,
  value: Value,
  lists: ReadonlyMap<string, NamedList>,
  defaults: Defaults,
): Span | null {
  const before = reader.findings.all.length;
  const block = reader.block(value, 'a window', WINDOW_KEYS);
  if (block === null) {
    return null;
  }
  const timezone = block.get('timezone');
  const zone = timezone === undefined ? defaults.timezone : readTimezone(reader, timezone);
  const days = new Set<number>();
  const daysValue = block.get('days');
  for (const item of daysValue === undefined ? [] : reader.listOf(daysValue)) {
    const text = reader.text(item, 'days');
    const read = text === null ? null : parseDays(text);
    if (text !== null && read === null) {
      reader.findings.error(item.at, 'days', `${quoted(text)} is not a day or range of days`, {
        hint: isDate(text) ? PERIOD_HINT : 'such as mon-fri, sat or daily',
      });
    }
    read?.forEach((day) => days.add(day));
  }
  if (daysValue !== undefined && isSeq(daysValue.node) && daysValue.node.items.length === 0) {
    reader.findings.error(daysValue.at, 'days', 'the window has no days, so it is never open', {
      hint: 'for every day, remove days',
    });
  }
  const from = timeOfDay(reader, block, 'from') ?? 0;
  const to = timeOfDay(reader, block, 'to') ?? MINUTES_PER_DAY;
  if (block.get('to') !== undefined && from === to) {
    reader.findings.error(block.get('to')?.at ?? block.at, 'window', 'the window starts and ends at the same time', {
      hint: 'for the whole day, remove from and to',
    });
  }
  const start = block.get('from');
  if (start !== undefined && from === MINUTES_PER_DAY) {
    reader.findings.error(start.at, 'time', 'no window starts at 24:00', { hint: 'write "00:00", and the next day' });
  }
  const except = readDates(reader, block.get('except'), lists);
  return zone === null || reader.findings.all.slice(before).some((finding) => finding.severity === 'error')
    ? null
    : { days: daysValue === undefined ? ALL_DAYS : [...days], from, to, except: [...except], timezone: zone };
}

function timeOfDay(reader: BlockReader, block: Block<'from' | 'to'>, name: 'from' | 'to'): number | null {
  const value = block.get(name);
  // 17.30 without quotes is a number for YAML: what it says is the same.
  const number = isScalar(value?.node) && typeof value.node.value === 'number' ? value.node : null;
  const text = value === undefined ? null : number === null ? reader.text(value, name) : (number.source ?? '');
  const minutes = text === null ? null : parseTimeOfDay(text);
  if (text !== null && minutes === null && value !== undefined) {
    const meant = meantTimeOfDay(text);
    reader.findings.error(value.at, 'time', `${quoted(text)} is not a time of day`, {
      hint: isDate(text) ? PERIOD_HINT : meant === null ? 'such as "09:00"' : `did you mean "${meant}"?`,
    });
  }
  return minutes;
}

function readDates(reader: BlockReader, value: Value | undefined, lists: ReadonlyMap<string, NamedList>): Set<string> {
  const dates = new Set<string>();
  const add = (date: ListItem, at: Position): void => {
    if (
      typeof date !== 'string' ||
      !/^\d{4}-\d{2}-\d{2}$/.test(date) ||
      Number.isNaN(Date.parse(date)) ||
      new Date(date).toISOString().slice(0, 10) !== date
    ) {
      reader.findings.error(at, 'date', `${quoted(String(date))} is not a date`, {
        hint: 'such as "2026-03-01", or $name for a list',
      });
    } else {
      dates.add(date);
    }
  };
  for (const item of value === undefined ? [] : reader.listOf(value)) {
    const text = reader.text(item, 'except');
    if (text?.startsWith('$') === true) {
      const list = lists.get(text.slice(1));
      if (list === undefined) {
        const near = nearest(text.slice(1), lists.keys());
        reader.findings.error(item.at, 'unknown-list', `there is no list ${quoted(text.slice(1))}`, {
          hint: near === null ? 'define it under lists' : `did you mean $${near}?`,
        });
      }
      list?.forEach((entry) => add(entry.value, entry.at));
    } else if (text !== null) {
      add(text, item.at);
    }
  }
  return dates;
}
