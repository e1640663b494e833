import { eventType, knownTypeNames, typesFor } from '../../events/catalogue';
import type { Position } from '../../yaml/finding';
import { nearest } from '../../yaml/nearest-name';
import type { EventTypes } from '../rule';
import { quoted, type BlockReader, type Value } from './block-reader';
import { insteadOfType } from './wishes';

/** The live names of a rule's event types; null when some are unknown. */
export function knownTypes(on: EventTypes): readonly string[] | null {
  return on.prefixes.includes('') || on.written.some((one) => typesFor(one) === null) ? null : [...on.types];
}

/** Reads the `on` of a rule; null with a finding. */
export function readEventTypes(reader: BlockReader, value: Value): EventTypes | null {
  const { findings } = reader;
  const types = new Set<string>();
  const prefixes: string[] = [];
  const written: string[] = [];
  let isValid = true;
  for (const item of reader.listOf(value)) {
    const name = reader.text(item, 'on');
    if (name === null) {
      isValid = false;
      continue;
    }
    written.push(name);
    if (name === '*') {
      prefixes.push('');
      continue;
    }
    const found = typesFor(name);
    if (found === null) {
      isValid = reportUnknownType(reader, name, item.at) && isValid;
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
  return isValid ? { types, prefixes, written, at: value.at } : null;
}

/**
 * A name near a known type is a typing error. A name far from all may be a type that VoIPBIN has added: a warning.
 * @returns whether the rule can be used.
 */
function reportUnknownType({ findings }: BlockReader, name: string, at: Position): boolean {
  const instead = insteadOfType(name);
  if (instead !== null) {
    findings.error(at, 'unknown-type', `there is no event type ${quoted(name)}`, { hint: instead });
    return false;
  }
  const family = FAMILIES.find((one) => one === `${name.replace(/_$/, '')}_*`);
  const near = TYPE_SYNONYMS.get(name) ?? family ?? nearest(name, name.includes('*') ? FAMILIES : KNOWN_TYPES);
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

const KNOWN_TYPES: readonly string[] = knownTypeNames();
const FAMILIES: readonly string[] = [...new Set(KNOWN_TYPES.map((type) => `${type.slice(0, type.indexOf('_'))}_*`))];

/** Names that VoIPBIN never sends: those of its tutorial and others that people try (reference voipbin.md 3). */
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
