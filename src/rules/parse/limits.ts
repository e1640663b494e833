import { isMap, isScalar } from 'yaml';
import { parseDuration } from '../../yaml/duration';
import type { Position } from '../../yaml/finding';
import { didYouMean } from '../../yaml/nearest-name';
import { fieldNamed, fieldNames } from '../language/fields';
import { LIMIT_KEYS } from '../language/keys';
import type { Limits } from '../rule';
import { quoted, type BlockReader, type Value } from './block-reader';

const LIMIT_UNITS = ['minute', 'hour', 'day'] as const;

/** Reads the `limits` of a rule. A limit with an error is null, with a finding. */
export function readLimits(reader: BlockReader, value: Value): Limits {
  const block = reader.block(value, 'limits', LIMIT_KEYS);
  if (block === null) {
    return { cooldown: null, max: null };
  }
  const cooldown = block.get('cooldown');
  const max = block.get('max');
  if (isMap(value.node) && value.node.items.length === 0) {
    reader.findings.warn(value.at, 'empty', 'limits has no limit', { hint: 'write cooldown or max, or remove it' });
  }
  return {
    cooldown: cooldown === undefined ? null : readCooldown(reader, cooldown),
    max: max === undefined ? null : readMax(reader, max),
  };
}

function readCooldown(reader: BlockReader, value: Value): Limits['cooldown'] {
  const text = reader.text(value, 'cooldown');
  const found = text === null ? null : /^(\S+)(?:\s+per\s+(\S+))?$/.exec(text);
  const window = found === null ? null : parseDuration(found[1] ?? '');
  if (text !== null && (window === null || window === 0)) {
    reader.findings.error(value.at, 'limit', `${quoted(text)} is not a cooldown`, {
      hint: 'such as "10m" or "10m per peer.number"',
    });
  }
  const per = readPer(reader, found?.[2], value.at);
  return window === null || per === undefined ? null : { window_ms: window, per };
}

function readMax(reader: BlockReader, value: Value): Limits['max'] {
  if (isScalar(value.node) && typeof value.node.value === 'number') {
    reader.findings.error(value.at, 'limit', 'max has no period', {
      hint: `such as ${value.node.value} per day`,
    });
    return null;
  }
  const text = reader.text(value, 'max');
  const found = text === null ? null : /^(\d+)\s+(?:per|a|an)\s+(\w+)(?:\s+per\s+(\S+))?$/.exec(text);
  const every = LIMIT_UNITS.find((unit) => unit === found?.[2]);
  const count = Number(found?.[1]);
  if (text !== null && (every === undefined || count < 1)) {
    const word = found?.[2];
    const more =
      word === undefined || every !== undefined
        ? { hint: 'such as "200 per day" or "5 per hour per peer.number"' }
        : didYouMean(word, LIMIT_UNITS);
    reader.findings.error(
      value.at,
      'limit',
      `${quoted(text)} is not a limit`,
      'hint' in more ? more : { hint: 'per minute, hour or day' },
    );
  }
  const per = readPer(reader, found?.[3], value.at);
  return every === undefined || per === undefined ? null : { count, every, per };
}

/** The field after `per`, null without one; undefined with a finding. */
function readPer(reader: BlockReader, name: string | undefined, at: Position): string | null | undefined {
  if (name === undefined) {
    return null;
  }
  if (fieldNamed(name) === undefined) {
    reader.findings.error(at, 'unknown-field', `unknown field ${quoted(name)}`, didYouMean(name, fieldNames()));
    return undefined;
  }
  return name;
}
