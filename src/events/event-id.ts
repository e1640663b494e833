import { createHash } from 'node:crypto';
import { happensOnce } from './catalogue';
import type { JsonValue } from './json';

/** An event's identity (DESIGN "Names"). Neither field contains personal data. */
export interface EventIdentity {
  /** `<canonical type>/<id>`, and `/<16 hex>` of the body where the type can happen again to the same resource. */
  event_id: string;
  /** `data.id`, or 32 hex characters of the body's SHA-256 where that is missing or unfit. */
  id: string;
}

/** The type of an event whose declared type is not a valid name. */
export const UNKNOWN_TYPE = 'unknown';

const FIT_TYPE = /^[a-z][a-z0-9_.-]{0,63}$/;
const FIT_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const SCHEME = /^[A-Za-z]+:/;
const SEPARATORS: ReadonlySet<number> = new Set(['.', '_', ':', '-'].map((character) => character.charCodeAt(0)));

/**
 * The type as it is used in ids, search attributes and logs: the name itself, or `unknown` when it is not a valid name.
 */
export function safeTypeName(type: string): string {
  return FIT_TYPE.test(type) ? type : UNKNOWN_TYPE;
}

/**
 * Makes the id of an event. The same body always gives the same id, so a redelivery is recognised. For types that
 * happen once to a resource, another body gives the same id too. Total: any type, any id, any body.
 *
 * @param type the canonical type, made safe by {@link safeTypeName}.
 * @param dataId `data.id` as received.
 */
export function eventIdentity(type: string, dataId: JsonValue | undefined, rawBody: Buffer): EventIdentity {
  const fit = isFitId(dataId);
  const once = happensOnce(type);
  const hash = fit && once ? '' : createHash('sha256').update(rawBody).digest('hex');
  const id = fit ? dataId : hash.slice(0, 32);
  return { id, event_id: once ? `${type}/${id}` : `${type}/${id}/${hash.slice(0, 16)}` };
}

/** Whether `data.id` can be used in ids and search attributes. */
export function isFitId(id: JsonValue | undefined): id is string {
  return typeof id === 'string' && FIT_ID.test(id) && !looksLikePhone(id);
}

/**
 * Digits alone, at least seven of them; or, after a scheme like `tel:` and with separators, as many as phone numbers
 * have (E.164: 15 at most).
 */
function looksLikePhone(text: string): boolean {
  let digits = 0;
  let separators = 0;
  for (let at = SCHEME.exec(text)?.[0].length ?? 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code >= 0x30 && code <= 0x39) {
      digits += 1;
    } else if (SEPARATORS.has(code)) {
      separators += 1;
    } else {
      return false;
    }
  }
  return digits >= 7 && (digits <= 15 || (separators === 0 && digits === text.length));
}
