/**
 * The content type of bodies that backfill found. The archive keeps it, and it marks them at the webhook too, where
 * `bridge backfill` posts what it finds to the running bridge.
 */
export const BACKFILL_CONTENT_TYPE = 'application/json; source=backfill';

/** How an event reached the bridge. Rules are stricter with `backfill`: such an event may be hours old. */
export type Arrival = 'webhook' | 'backfill';

/** A request whose signature the webhook endpoint has checked. */
interface CheckedRequest {
  body: Buffer;
  contentType: string | null;
  receivedAt: Date;
}

/**
 * A body that {@link Ingest} takes. Only its makers make one, and each names where the trust comes from.
 *
 * Not guaranteed: that it is an event. It may hold anything.
 */
export class TrustedBody {
  private constructor(
    /** The bytes as received. */
    readonly bytes: Buffer,
    readonly contentType: string | null,
    readonly receivedAt: Date,
  ) {}

  /** A body from the webhook. Trust: the caller has verified the request, as far as the settings ask for it. */
  static fromWebhook({ body, contentType, receivedAt }: CheckedRequest): TrustedBody {
    return new TrustedBody(body, contentType, receivedAt);
  }

  /** A body made of a resource in VoIPBIN's lists. Trust: the bridge asked for them, with the account's own key. */
  static fromBackfill(bytes: Buffer, receivedAt: Date): TrustedBody {
    return new TrustedBody(bytes, BACKFILL_CONTENT_TYPE, receivedAt);
  }

  /**
   * A body from the quarantine. Trust: it passed the webhook's checks when it came, and an operator accepts it.
   * @param receivedAt when it came.
   */
  static fromQuarantine(bytes: Buffer, contentType: string | null, receivedAt: Date): TrustedBody {
    return new TrustedBody(bytes, contentType, receivedAt);
  }

  /** Whoever signs events can mark them as backfilled, too: rules are only stricter with them then. */
  get arrival(): Arrival {
    return this.contentType === BACKFILL_CONTENT_TYPE ? 'backfill' : 'webhook';
  }
}
