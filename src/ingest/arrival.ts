/**
 * What the archive has as the content type of events that no webhook brought; the mark by which they are known, also at
 * the webhook.
 */
export const BACKFILL_CONTENT_TYPE = 'application/json; source=backfill';

/**
 * Whether an event was found by backfill rather than brought by a webhook. Anybody can say so of his own event; rules
 * are only stricter with it then.
 */
export function isBackfilled(contentType: string | null): boolean {
  return contentType === BACKFILL_CONTENT_TYPE;
}
