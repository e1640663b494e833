import { z } from 'zod';
import { ActionError } from '../action-error';
import { epochMs } from './api-time';
import type { Page, VoipbinClient } from './client';
import type { TextMessage } from './post-message';

/** Several machines of VoIPBIN's stamp messages, and their clocks may differ by this much. */
const CLOCK_SPREAD_MS = 60_000;
/** How far back an attempt looks that has no mark. An earlier text of the default cooldown lies further back. */
const UNMARKED_MARGIN_MS = 5 * 60_000;
const MOST_PAGES = 20;

const address = z.object({ target: z.string().optional() });

const listed = z.object({
  id: z.string().min(1),
  source: address.nullish(),
  targets: z.array(z.object({ destination: address.nullish(), status: z.string().optional() })).nullish(),
  text: z.string().nullish(),
  direction: z.string().nullish(),
  tm_create: z.string().nullish(),
});

/** A message found in VoIPBIN's list. */
export interface FoundMessage {
  id: string;
  status: string;
}

/** Parses a {@link ListMark} that an earlier attempt left. */
export const listMark = z.object({ since: z.number().nullable(), known: z.array(z.string()) });

/**
 * Where VoIPBIN's list of messages stood before a text was sent. It contains VoIPBIN's own times and ids: no clock of
 * ours takes part, and no personal data.
 */
export interface ListMark {
  /** Nothing older than this was added later, in epoch milliseconds by VoIPBIN's clock; null when the list was empty. */
  since: number | null;
  /** Ids of messages that look like the one to be sent, and are not it. */
  known: string[];
}

/** Reads where the list stands, for a text that is to be sent. @throws ActionError when the list cannot be read. */
export async function markList(client: VoipbinClient, message: TextMessage, signal: AbortSignal): Promise<ListMark> {
  const page = await client.listMessages({}, signal);
  const times = page.items.map((item) => timeOf(item)).filter((time) => Number.isFinite(time));
  const newest = times.length === 0 ? null : Math.max(...times);
  const oldest = page.nextToken === null ? Number.NEGATIVE_INFINITY : Math.min(...times);
  return {
    since: newest === null ? null : Math.max(newest - CLOCK_SPREAD_MS, oldest),
    known: page.items.flatMap((item) => matching(item, message) ?? []).map(({ id }) => id),
  };
}

/**
 * Looks up whether a text was sent since the list was marked: newest first, by the same numbers and the same text;
 * VoIPBIN has no idempotency keys.
 *
 * Guaranteed: null only after every message since the mark was seen; no message from before the mark is taken for ours.
 * Not guaranteed: that VoIPBIN lists a message at once; that an equal text which an agent or a flow sent between the
 * same two numbers after the mark is told apart, since nothing in the list says whose it is.
 *
 * @param mark null when the attempt that may have sent it left none (its worker died): then messages count that are not
 *   older than the step by VoIPBIN's clock, and five minutes more.
 * @param beganAt when the step began, by our clock. Only its distance from now counts.
 * @returns null when it is not there.
 * @throws ActionError when looking failed; `ambiguous` when there are too many messages to see them all.
 */
export async function findSentMessage(
  client: VoipbinClient,
  message: TextMessage,
  { mark, beganAt }: { mark: ListMark | null; beganAt: Date },
  signal: AbortSignal,
): Promise<FoundMessage | null> {
  const known = new Set(mark?.known);
  let since = mark === null ? null : (mark.since ?? Number.NEGATIVE_INFINITY);
  let token: string | null = null;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const page: Page = await client.listMessages({ pageToken: token }, signal);
    since ??= (page.servedAt ?? Date.now()) - Math.max(Date.now() - beganAt.getTime(), 0) - UNMARKED_MARGIN_MS;
    // A marked list has only grown at its top, so on its first page a message that is not known is new, whatever its time.
    const isNewByPlace = mark !== null && pages === 0;
    for (const item of page.items) {
      const isOld = timeOf(item) < since;
      if (isOld && !isNewByPlace) {
        return null;
      }
      const found = matching(item, message);
      if (found !== null && !known.has(found.id)) {
        return found;
      }
    }
    const last = page.items.at(-1);
    token = last !== undefined && timeOf(last) < since ? null : page.nextToken;
    if (token === null) {
      return null;
    }
  }
  throw new ActionError('ambiguous', 'it is unknown whether the text was sent: too many messages since', {
    connection: 'voipbin',
    code: 'too_many_messages',
    remedy: 'Check in VoIPBIN whether the text was sent; retry the run if it was not.',
  });
}

/** Epoch milliseconds by VoIPBIN's clock; infinitely new when unreadable. */
function timeOf(item: unknown): number {
  const parsed = listed.safeParse(item);
  return epochMs(parsed.success ? parsed.data.tm_create : null);
}

/** The listed message, if it has the numbers and the text of ours. */
function matching(item: unknown, message: TextMessage): FoundMessage | null {
  const parsed = listed.safeParse(item);
  if (!parsed.success) {
    return null;
  }
  const { id, source, targets, text, direction } = parsed.data;
  const target = targets?.[0];
  return direction === 'outbound' &&
    source?.target === message.from &&
    target?.destination?.target === message.to &&
    text === message.text
    ? { id, status: target.status ?? 'queued' }
    : null;
}
