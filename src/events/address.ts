import type { Party } from './canonical-event';
import type { JsonValue } from './json';
import { isObject, textAt } from './payload';

/**
 * Reads one of VoIPBIN's address objects `{type, target, target_name, name, detail}`, all of which may be missing
 * (reference voipbin.md 2). The `type` decides what it is: a `target` that looks like a phone number is not one unless the
 * type is `tel`. One exception: a SIP address whose user part is a number with `+` is that phone number (RFC 3261 19.1.6),
 * for a trunk sends its callers so.
 * @returns null for a value that is not an address, and for the empty address `{}`.
 */
export function readParty(address: JsonValue | undefined): Party | null {
  if (!isObject(address)) {
    return null;
  }
  const type = textAt(address, 'type') ?? '';
  const number = textAt(address, 'target')?.trim() ?? '';
  const name = textAt(address, 'name') ?? textAt(address, 'target_name');
  const global = type === 'sip' ? /^(?:sips?:)?(\+[1-9]\d{6,14})(?:;[^@]*)?(?:@.*)?$/i.exec(number)?.[1] : undefined;
  if (global !== undefined) {
    return { type: 'tel', number: global, name };
  }
  return type === '' && number === '' && name === null ? null : { type, number: number === '' ? null : number, name };
}
