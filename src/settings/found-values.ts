import type { Findings, Place, Position, Subject } from '../yaml/finding';
import { nearest } from '../yaml/nearest-name';
import { SETTINGS, VARIABLES, type SettingName } from './definitions';
import type { Environment } from './references';
import { isFaulty, toJson, type FileValue } from './settings-file';

/** Every setting's name. */
export const SETTING_NAMES = Object.keys(SETTINGS.shape).filter((name): name is SettingName => name in VARIABLES);

/** A value of a setting as it was read, before its type is checked. */
export interface FoundValue {
  value: unknown;
  place: Place;
  /** The items of a list. */
  itemPlaces: readonly Place[];
  /** Whether it already has a finding. */
  isFaulty: boolean;
}

/** The settings that are set, by name. */
export type FoundValues = Map<string, FoundValue>;

/** The subject of a finding about a setting. */
export function subjectOf(name: SettingName): Subject {
  return { setting: name, variable: VARIABLES[name] };
}

/** The value of a variable; null when it is not set or empty. */
export function notEmpty(value: string | undefined): string | null {
  return value === undefined || value.trim() === '' ? null : value;
}

/**
 * Adds the settings of a file to `found`. Unknown names are findings.
 * @returns the connections block, which the connectors' own schemas read; null when there is none.
 */
export function addFile(top: FileValue, found: FoundValues, findings: Findings): FileValue | null {
  return addBlock(top, '', found, findings);
}

function addBlock(block: FileValue, prefix: string, found: FoundValues, findings: Findings): FileValue | null {
  if (block.kind !== 'map') {
    if (block.kind !== 'faulty' && toJson(block) !== undefined) {
      const setting = prefix.slice(0, -1);
      findings.error(
        block.at,
        'type',
        `${setting === '' ? 'the file' : setting} must be a block of "key: value" lines`,
        setting === '' ? {} : { subject: { setting, variable: null } },
      );
    }
    return null;
  }
  let connections: FileValue | null = null;
  for (const [key, { keyAt, value }] of block.entries) {
    const name = prefix + key;
    if (name === 'connections') {
      connections = value;
    } else if (SETTING_NAMES.some((known) => known === name)) {
      addValue(name, value, found);
    } else if (SETTING_NAMES.some((known) => known.startsWith(`${name}.`))) {
      addBlock(value, `${name}.`, found, findings);
    } else {
      findings.error(keyAt, 'unknown-setting', 'there is no such setting', {
        subject: { setting: name, variable: null },
        ...didYouMean(key, prefix),
      });
    }
  }
  return connections;
}

function addValue(name: string, value: FileValue, found: FoundValues): void {
  const json = toJson(value);
  const faulty = isFaulty(value);
  if (json !== undefined || faulty) {
    const itemPlaces = value.kind === 'list' ? value.items.map(({ at }) => inFile(at)) : [];
    found.set(name, { value: json, place: inFile(value.at), itemPlaces, isFaulty: faulty });
  }
}

function inFile(at: Position): Place {
  return { kind: 'file', ...at };
}

/** The nearest name in the same block; if there is none, the same name in another block. */
function didYouMean(key: string, prefix: string): { hint?: string } {
  const here = ['connections', ...SETTING_NAMES]
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length).split('.', 1).join(''));
  const near = nearest(key, new Set(here));
  const elsewhere = SETTING_NAMES.find((name) => name.endsWith(`.${key}`));
  const name = near === null ? elsewhere : prefix + near;
  return name === undefined ? {} : { hint: `did you mean ${name}?` };
}

/** Adds the settings of the environment that the file does not set. */
export function addEnvironment(found: FoundValues, env: Environment): void {
  for (const name of SETTING_NAMES) {
    const variable = VARIABLES[name];
    const value = variable === null ? null : notEmpty(env[variable]);
    if (variable !== null && value !== null && !found.has(name)) {
      found.set(name, { value, place: { kind: 'environment', variable }, itemPlaces: [], isFaulty: false });
    }
  }
}
