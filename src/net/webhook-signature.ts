import { createHmac } from 'node:crypto';

/** The header that holds the signature of an event. */
export const SIGNATURE_HEADER = 'x-voipbin-signature';

/** `sha256=<hex>`: the HMAC-SHA256 of the exact body under the webhook's secret, taken as UTF-8 text (VoIPBIN's source). */
export function webhookSignature(body: string | Uint8Array, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}
