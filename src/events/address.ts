import type { Party } from './canonical-event';
import type { JsonValue } from './json';
import { isObject, textAt } from './payload';

/**
 * Reads one of VoIPBIN's address objects `{type, target, target_name, name, detail}`, all of which may be missing
 * (reference voipbin.md 2). The `type` alone decides what it is: a `target` that looks like a phone number is not one
 * unless the type is `tel`.
 * @returns null for a value that is not an address, and for the empty address `{}`.
 */
export function readParty(address: JsonValue | undefined): Party | null {
  if (!isObject(address)) {
    return null;
  }
  const type = textAt(address, 'type') ?? '';
  const number = textAt(address, 'target')?.trim() ?? '';
  const name = textAt(address, 'name') ?? textAt(address, 'target_name');
  return type === '' && number === '' && name === null ? null : { type, number: number === '' ? null : number, name };
}
