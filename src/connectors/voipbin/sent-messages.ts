import { z } from 'zod';
import { ActionError } from '../action-error';
import { epochMs } from './api-time';
import type { TextMessage, VoipbinClient } from './client';

/** VoIPBIN's clock and ours may differ by this much. */
const CLOCK_SKEW_MS = 5_000;
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

/**
 * Looks up whether a text was sent since a time: newest first, by the same numbers and the same text; VoIPBIN has no
 * idempotency keys. Guaranteed: null only after every message since that time was seen. Not guaranteed:
 * VoIPBIN lists a message at once.
 *
 * @returns null when it is not there.
 * @throws ActionError when looking failed; `ambiguous` when there are too many messages to see them all.
 */
export async function findSentMessage(
  client: VoipbinClient,
  message: TextMessage,
  since: Date,
  signal: AbortSignal,
): Promise<FoundMessage | null> {
  const oldest = since.getTime() - CLOCK_SKEW_MS;
  let token: string | null = null;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const page = await client.listMessages({ pageToken: token }, signal);
    for (const item of page.items) {
      const parsed = listed.safeParse(item);
      if (!parsed.success) {
        continue;
      }
      const found = parsed.data;
      if (epochMs(found.tm_create) < oldest) {
        return null;
      }
      const destination = found.targets?.[0];
      if (
        found.direction === 'outbound' &&
        found.source?.target === message.from &&
        destination?.destination?.target === message.to &&
        found.text === message.text
      ) {
        return { id: found.id, status: destination.status ?? 'queued' };
      }
    }
    token = page.nextToken;
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
