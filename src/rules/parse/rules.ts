import { isSupportedCountry } from 'libphonenumber-js/min';
import { isMap, isScalar, isSeq } from 'yaml';
import { eventType, knownTypeNames, typesFor } from '../../events/catalogue';
import { parseDuration } from '../../yaml/duration';
import { kindOf, quoted, type Block, type BlockReader, type Value } from './block-reader';
import { fieldNamed, fieldNames } from '../language/fields';
import { ComparedValues, type ListItem } from './operands';
import { type Position } from '../../yaml/finding';
import { didYouMean, nearest } from '../../yaml/nearest-name';
import { LIMIT_KEYS, RULE_KEYS, WINDOW_KEYS } from '../language/keys';
import type { ActionCatalogue, CelCondition, Limits, Listening, Rule } from '../rule';
import { ConditionReader, type Names } from './conditions';
import { checkCel, checkStepTexts, StepReader } from './steps';
import { fieldsPresent, Variables, type ResultShape } from './variables';
import { isTimezone, parseDays, parseTimeOfDay, type Span, type Window } from '../language/windows';

/** What holds for rules that say nothing else. */
export interface Defaults {
  timezone: string;
  country: string | null;
}

export type NamedList = readonly { value: ListItem; at: Position }[];

/** A zone that the runtime knows, or null with a finding. */
export function readTimezone(reader: BlockReader, value: Value): string | null {
  const name = reader.text(value, 'timezone');
  if (name !== null && !isTimezone(name)) {
    reader.findings.error(value.at, 'timezone', `${quoted(name)} is not a time zone`, {
      hint: nearestZone(name) ?? 'write a name such as Asia/Seoul or Europe/Berlin',
    });
    return null;
  }
  return name;
}

function nearestZone(name: string): string | null {
  const near =
    nearest(name, [...Intl.supportedValuesOf('timeZone'), 'UTC']) ??
    nearest(
      name,
      Intl.supportedValuesOf('timeZone').map((zone) => zone.slice(zone.indexOf('/') + 1)),
    );
  const whole = Intl.supportedValuesOf('timeZone').find((zone) => zone === near || zone.endsWith(`/${near ?? ''}`));
  return whole === undefined ? null : `did you mean "${whole}"?`;
}

/** An ISO 3166-1 country, or null with a finding. */
export function readCountry(reader: BlockReader, value: Value): string | null {
  const code = reader.text(value, 'country');
  if (code !== null && !isSupportedCountry(code)) {
    const upper = code.toUpperCase();
    reader.findings.error(value.at, 'country', `${quoted(code)} is not a country code`, {
      hint: isSupportedCountry(upper) ? `did you mean ${upper}?` : 'two letters, such as KR or US',
    });
    return null;
  }
  return code;
}

/** `lists:` of one file. */
export function readLists(reader: BlockReader, value: Value): Map<string, NamedList> {
  const lists = new Map<string, NamedList>();
  for (const { name, at, inner } of named(reader, value, 'lists')) {
    const items: { value: ListItem; at: Position }[] = [];
    for (const item of reader.list(inner, `the list ${name}`) ?? []) {
      const single: unknown = isScalar(item.node) ? item.node.value : null;
      if (typeof single === 'string' || typeof single === 'number' || typeof single === 'boolean') {
        items.push({ value: single, at: item.at });
      } else {
        reader.findings.error(
          item.at,
          'type',
          `the list ${name} can only contain single values, not ${kindOf(item.node)}`,
        );
      }
    }
    if (isSeq(inner.node) && inner.node.items.length === 0) {
      reader.findings.warn(at, 'empty', `the list ${name} is empty, so it contains no value`);
    }
    lists.set(name, items);
  }
  return lists;
}

function named(reader: BlockReader, value: Value, what: string): { name: string; at: Position; inner: Value }[] {
  if (!isMap(value.node)) {
    reader.findings.error(value.at, 'type', `${what} must be a block of names, not ${kindOf(value.node)}`);
    return [];
  }
  return reader.document.entries(value.node).flatMap((entry) => {
    const { key, keyAt } = entry;
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(key)) {
      reader.findings.error(keyAt, 'name', `${quoted(key)} cannot be a name in ${what}`, {
        hint: 'use letters, digits, dashes and underscores',
      });
      return [];
    }
    return [{ name: key, at: keyAt, inner: entry }];
  });
}

/** `windows:` of one file; null for one that is faulty. */
export function readWindows(
  reader: BlockReader,
  value: Value,
  lists: ReadonlyMap<string, NamedList>,
  defaults: Defaults,
): Map<string, Window | null> {
  const windows = new Map<string, Window | null>();
  for (const { name, inner } of named(reader, value, 'windows')) {
    const spans = reader.listOf(inner).map((item) => readSpan(reader, item, lists, defaults));
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
        hint: 'such as mon-fri, sat or daily',
      });
    }
    read?.forEach((day) => days.add(day));
  }
  const from = timeOfDay(reader, block, 'from') ?? 0;
  const to = timeOfDay(reader, block, 'to') ?? 1_440;
  if (block.get('to') !== undefined && from === to) {
    reader.findings.error(block.get('to')?.at ?? block.at, 'window', 'the window starts and ends at the same time', {
      hint: 'for the whole day, remove from and to',
    });
  }
  const except = readDates(reader, block.get('except'), lists);
  return zone === null || reader.findings.all.slice(before).some((finding) => finding.severity === 'error')
    ? null
    : { days: daysValue === undefined ? new Set([0, 1, 2, 3, 4, 5, 6]) : days, from, to, except, timezone: zone };
}

function timeOfDay(reader: BlockReader, block: Block<'from' | 'to'>, name: 'from' | 'to'): number | null {
  const value = block.get(name);
  const text = value === undefined ? null : reader.text(value, name);
  const minutes = text === null ? null : parseTimeOfDay(text);
  if (text !== null && minutes === null && value !== undefined) {
    const hour = /^(\d{1,2})\s*(am|pm)?$/i.exec(text);
    const hours =
      hour === null
        ? null
        : (Number(hour[1]) % (hour[2] === undefined ? 25 : 12)) + (hour[2]?.toLowerCase() === 'pm' ? 12 : 0);
    reader.findings.error(value.at, 'time', `${quoted(text)} is not a time of day`, {
      hint: hours === null ? 'such as "09:00"' : `did you mean "${String(hours).padStart(2, '0')}:00"?`,
    });
  }
  return minutes;
}

function readDates(reader: BlockReader, value: Value | undefined, lists: ReadonlyMap<string, NamedList>): Set<string> {
  const dates = new Set<string>();
  const take = (date: ListItem, at: Position): void => {
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
      list?.forEach((entry) => take(entry.value, entry.at));
    } else if (text !== null) {
      take(text, item.at);
    }
  }
  return dates;
}

/** Reads the rules of one file. */
export class RuleReader {
  constructor(
    private readonly reader: BlockReader,
    private readonly names: Names,
    private readonly defaults: Defaults,
    private readonly actions: ActionCatalogue,
  ) {}

  /** The rules that are right; the others have findings. */
  read(value: Value): Rule[] {
    const items = this.reader.list(value, 'rules', 'start each rule with a dash');
    return (items ?? []).map((item) => this.rule(item)).filter((rule) => rule !== null);
  }

  private rule(value: Value): Rule | null {
    const { reader } = this;
    const block = reader.block(value, 'a rule', RULE_KEYS);
    if (block === null) {
      return null;
    }
    const before = reader.findings.all.length;
    const nameValue = block.get('name');
    const name = nameValue === undefined ? null : this.name(nameValue);
    const zoneValue = block.get('timezone');
    const timezone = zoneValue === undefined ? this.defaults.timezone : readTimezone(reader, zoneValue);
    const countryValue = block.get('country');
    const country = countryValue === undefined ? this.defaults.country : readCountry(reader, countryValue);
    const onValue = block.get('on');
    const on = onValue === undefined ? null : this.on(onValue);
    const whenValue = block.get('when');
    const values = new ComparedValues(reader, country);
    const when = whenValue === undefined ? null : new ConditionReader(reader, this.names, values).read(whenValue);
    const doValue = block.get('do');
    const steps = doValue === undefined ? [] : new StepReader(reader, this.actions).read(doValue);

    const types =
      on === null || on.prefixes.includes('') || on.written.some((one) => typesFor(one) === null)
        ? null
        : [...on.types];
    const present = fieldsPresent(when);
    const done = new Map<string, ResultShape>();
    const celValue = block.get('if');
    const expression = celValue === undefined ? null : reader.text(celValue, 'if');
    let condition: CelCondition | null = null;
    if (celValue !== undefined && expression !== null) {
      checkCel(
        reader,
        expression,
        celValue,
        new Variables(types, present, done, new Set(steps.map((step) => step.planned.id))),
        values,
      );
      condition = { expression, at: celValue.at };
    }
    steps.forEach((step, index) => {
      checkStepTexts(
        reader,
        step,
        new Variables(types, present, done, new Set(steps.slice(index).map((later) => later.planned.id))),
        values,
      );
      done.set(step.planned.id, step.result);
    });

    const limitsValue = block.get('limits');
    const limits = limitsValue === undefined ? { cooldown: null, max: null } : this.limits(limitsValue);
    const maxAge = block.get('max_age');
    const maxAgeMs = maxAge === undefined ? null : reader.duration(maxAge, 'max_age');
    const mode = block.get('mode');
    const modeWord = mode === undefined ? 'live' : reader.oneOf(mode, 'mode', ['live', 'shadow', 'off'] as const);
    const stop = block.get('stop');
    const stopValue = stop === undefined ? false : reader.boolean(stop, 'stop');
    const text = (key: 'description' | 'owner'): string | null => {
      const found = block.get(key);
      return found === undefined ? null : reader.text(found, key);
    };
    const description = text('description');
    const owner = text('owner');
    const failed = reader.findings.all.slice(before).some((finding) => finding.severity === 'error');
    if (failed || name === null || on === null || timezone === null || modeWord === null || stopValue === null) {
      return null;
    }
    return {
      name,
      at: nameValue?.at ?? block.at,
      description,
      owner,
      on,
      when,
      if: condition,
      limits,
      max_age_ms: maxAgeMs,
      mode: modeWord,
      stop: stopValue,
      timezone,
      country,
      steps: steps.map((step) => step.planned),
      stepsAt: steps.map((step) => step.at),
    };
  }

  /** Names stand in action keys, search attributes and reports. */
  private name(value: Value): string | null {
    const name = this.reader.text(value, 'name');
    if (name !== null && !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(name)) {
      const tidy = name
        .trim()
        .replaceAll(/[^A-Za-z0-9_.-]+/g, '-')
        .replaceAll(/^[^A-Za-z0-9]+|-+$/g, '')
        .slice(0, 64);
      this.reader.findings.error(value.at, 'name', `${quoted(name)} cannot be the name of a rule`, {
        hint:
          tidy === ''
            ? 'use letters, digits, dots, dashes and underscores, at most 64'
            : `use letters, digits, dots, dashes and underscores: ${tidy}`,
      });
      return null;
    }
    return name;
  }

  private on(value: Value): Listening | null {
    const { findings } = this.reader;
    const types = new Set<string>();
    const prefixes: string[] = [];
    const written: string[] = [];
    let right = true;
    for (const item of this.reader.listOf(value)) {
      const name = this.reader.text(item, 'on');
      if (name === null) {
        right = false;
        continue;
      }
      written.push(name);
      if (name === '*') {
        prefixes.push('');
        continue;
      }
      const found = typesFor(name);
      if (found === null) {
        right = this.unknownType(name, item.at) && right;
        types.add(name);
      } else if (eventType(name)?.emitted === false && !found.some((type) => eventType(type)?.emitted === true)) {
        findings.warn(item.at, 'never-sent', `VoIPBIN never sends ${quoted(name)}`);
      }
      if (name.endsWith('_*')) {
        prefixes.push(name.slice(0, -1));
      }
      found?.forEach((type) => types.add(type));
    }
    if (written.length === 0) {
      findings.error(value.at, 'empty', 'the rule has no event type');
      return null;
    }
    return right ? { types, prefixes, written, at: value.at } : null;
  }

  /** Near a known type it is a typing error; far from all it may be a type that VoIPBIN has added. */
  private unknownType(name: string, at: Position): boolean {
    const { findings } = this.reader;
    const families = [...new Set(knownTypeNames().map((type) => `${type.slice(0, type.indexOf('_'))}_*`))];
    const near = TYPE_SYNONYMS.get(name) ?? nearest(name, name.includes('*') ? families : knownTypeNames());
    if (near !== null) {
      findings.error(at, 'unknown-type', `there is no event type ${quoted(name)}`, { hint: `did you mean "${near}"?` });
      return false;
    }
    if (!/^[a-z][a-z0-9_.]*(?:_\*)?$/.test(name)) {
      findings.error(at, 'unknown-type', `${quoted(name)} cannot be an event type`, {
        hint: 'such as call_hangup, message_created or call_*',
      });
      return false;
    }
    findings.warn(at, 'unknown-type', `${quoted(name)} is not a known event type`);
    return true;
  }

  private limits(value: Value): Limits {
    const none = { cooldown: null, max: null };
    const block = this.reader.block(value, 'limits', LIMIT_KEYS);
    if (block === null) {
      return none;
    }
    const cooldown = block.get('cooldown');
    const max = block.get('max');
    return {
      cooldown: cooldown === undefined ? null : this.cooldown(cooldown),
      max: max === undefined ? null : this.max(max),
    };
  }

  private cooldown(value: Value): Limits['cooldown'] {
    const text = this.reader.text(value, 'cooldown');
    const found = text === null ? null : /^(\S+)(?:\s+per\s+(\S+))?$/.exec(text);
    const window = found === null ? null : parseDuration(found[1] ?? '');
    if (text !== null && (window === null || window === 0)) {
      this.reader.findings.error(value.at, 'limit', `${quoted(text)} is not a cooldown`, {
        hint: 'such as "10m" or "10m per peer.number"',
      });
    }
    const per = this.per(found?.[2], value.at);
    return window === null || per === undefined ? null : { window_ms: window, per };
  }

  private max(value: Value): Limits['max'] {
    if (isScalar(value.node) && typeof value.node.value === 'number') {
      this.reader.findings.error(value.at, 'limit', 'max has no period', {
        hint: `such as ${value.node.value} per day`,
      });
      return null;
    }
    const text = this.reader.text(value, 'max');
    const found = text === null ? null : /^(\d+)\s+(?:per|a|an)\s+(\w+)(?:\s+per\s+(\S+))?$/.exec(text);
    const every = LIMIT_UNITS.find((unit) => unit === found?.[2]);
    const count = Number(found?.[1]);
    if (text !== null && (every === undefined || count < 1)) {
      const word = found?.[2];
      const more =
        word === undefined || every !== undefined
          ? { hint: 'such as "200 per day" or "5 per hour per peer.number"' }
          : didYouMean(word, LIMIT_UNITS);
      this.reader.findings.error(
        value.at,
        'limit',
        `${quoted(text)} is not a limit`,
        'hint' in more ? more : { hint: 'per minute, hour or day' },
      );
    }
    const per = this.per(found?.[3], value.at);
    return every === undefined || per === undefined ? null : { count, every, per };
  }

  /** The field after `per`; undefined when there is no such field. */
  private per(name: string | undefined, at: Position): string | null | undefined {
    if (name === undefined) {
      return null;
    }
    if (fieldNamed(name) === undefined) {
      this.reader.findings.error(at, 'unknown-field', `unknown field ${quoted(name)}`, didYouMean(name, fieldNames()));
      return undefined;
    }
    return name;
  }
}

const LIMIT_UNITS = ['minute', 'hour', 'day'] as const;

/** The tutorial's filter words and other names that nothing ever sends (reference voipbin.md 3). */
const TYPE_SYNONYMS: ReadonlyMap<string, string> = new Map(
  Object.entries<string>({
    'call.status': 'call_updated',
    'call.completed': 'call_hangup',
    call_completed: 'call_hangup',
    call_ended: 'call_hangup',
    call_missed: 'call_hangup',
    missed_call: 'call_hangup',
    'message.received': 'message_created',
    message_received: 'message_created',
    sms_received: 'message_created',
    'recording.completed': 'recording_finished',
    recording_completed: 'recording_finished',
    recording_ended: 'recording_finished',
    recording_done: 'recording_finished',
    'transcribe.completed': 'transcribe_done',
  }),
);
