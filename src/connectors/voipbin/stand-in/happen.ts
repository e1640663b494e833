import { z } from 'zod';
import { toJsonText } from '../../../events/exact-number';
import type { JsonObject } from '../../../events/json';
import { requestOnce } from '../../../net/request-once';
import { STAND_IN_ACCESS_KEY } from './access-key';

/** Three attempts of 15 s each, and what is between them. */
const DELIVERED_WITHIN_MS = 60_000;
const deliveries = z.array(z.object({ uri: z.string(), attempts: z.array(z.number().nullable()) }));

/**
 * Lets an event happen in the account of a stand-in that runs in another process, which sends it to what is registered.
 * @param signWith the secret of the webhook; null: the stand-in's own.
 * @returns the status of the last attempt; null when nothing is registered, or nothing answered.
 * @throws TypeError when the stand-in does not answer, or cannot do it.
 */
export async function happen(apiUrl: string, event: JsonObject, signWith: string | null): Promise<number | null> {
  const { status, text } = await requestOnce(`${apiUrl}/stand-in/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie: `accesskey=${STAND_IN_ACCESS_KEY}` },
    body: toJsonText({ event, ...(signWith === null ? {} : { sign_with: signWith }) }),
    timeoutMs: DELIVERED_WITHIN_MS,
  });
  if (status !== 200) {
    throw new TypeError(`VoIPBIN's stand-in answered ${status}`);
  }
  return deliveries.parse(JSON.parse(text))[0]?.attempts.at(-1) ?? null;
}
