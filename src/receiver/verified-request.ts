import { createHmac, timingSafeEqual } from 'node:crypto';
import { webhookSignature } from '../net/webhook-signature';
import type { Secret } from '../settings/secret';

/** A request to the webhook as it was received, with its whole body. Nothing in it is verified. */
export interface RawRequest {
  /** The bytes as received. */
  body: Buffer;
  /** The digits of `X-VoIPBIN-Signature` ({@link digestIn}); null when there are none. */
  digest: string | null;
  contentType: string | null;
  contentEncoding: string | null;
  receivedAt: Date;
}

const SIGNATURE = /^sha256=([0-9a-fA-F]{64})$/;

/** The digits in a signature header, in lower case; null when it has another form: the body need not be read then. */
export function digestIn(header: string | null): string | null {
  return SIGNATURE.exec(header ?? '')?.[1]?.toLowerCase() ?? null;
}

/** See {@link webhookSignature}. */
export function signatureOf(body: Buffer, secret: Secret): string {
  return webhookSignature(body, secret.reveal());
}

/**
 * A request that was signed with one of our secrets, or that needs no signature because none is configured. Only
 * {@link VerifiedRequest.verify} makes one, so an unverified request cannot be used by mistake.
 *
 * Not guaranteed: freshness. VoIPBIN does not sign a time, so a recorded request verifies again. It is a duplicate
 * then.
 */
export class VerifiedRequest {
  readonly body: Buffer;
  readonly contentType: string | null;
  readonly contentEncoding: string | null;
  readonly receivedAt: Date;

  private constructor(raw: RawRequest) {
    this.body = raw.body;
    this.contentType = raw.contentType;
    this.contentEncoding = raw.contentEncoding;
    this.receivedAt = raw.receivedAt;
  }

  /**
   * @param secrets all that are valid at present (several while rotating). With none, every request passes.
   * @returns null when the signature is missing, malformed or made with another secret. Every wrong signature takes the
   *   same time.
   */
  static verify(raw: RawRequest, secrets: readonly Secret[]): VerifiedRequest | null {
    if (secrets.length === 0) {
      return new VerifiedRequest(raw);
    }
    if (raw.digest === null) {
      return null;
    }
    const given = Buffer.from(raw.digest, 'latin1');
    let matches = false;
    for (const secret of secrets) {
      // Compared as hex: a digest as a Buffer takes half as long again (2.7 against 1.8 us).
      const expected = Buffer.from(createHmac('sha256', secret.reveal()).update(raw.body).digest('hex'), 'latin1');
      matches = timingSafeEqual(expected, given) || matches;
    }
    return matches ? new VerifiedRequest(raw) : null;
  }
}
