import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { ActionError } from '../action-error';
import type { ActionContext, ActionOutcome } from '../action-context';
import { refusedText } from './account';
import type { VoipbinClient } from './client';
import type { TextMessage } from './post-message';
import { findSentMessage, listMark, markList, type ListMark } from './sent-messages';

/**
 * A message and its `conversation_message_created` twin arrive within VoIPBIN's three tries of each other; past the
 * step's budget neither is answered.
 */
const ONE_ANSWER_WINDOW_MS = 15 * 60_000;
/** VoIPBIN lists a message only once its own services have it; they give each other 3 s (reference voipbin.md 5). */
const PAUSE_BEFORE_LOOK_MS = 1_000;
const WAIT_AFTER_LOST_ANSWER_MS = 10_000;

type Context = ActionContext<VoipbinClient>;
type Output = { message: { id: string; status: string } };

/** How {@link sendOnce} sends a text. */
export interface SendOptions {
  /** 0 for no limit. */
  cooldownMs: number;
  /** Whether the text confirms an opt-out: no cooldown holds it back, and it is sent once. */
  isConfirmation: boolean;
  /** Why the text must not be sent, as a word for the report; null when it may. Asked just before it is sent. */
  whyNot: () => Promise<string | null>;
}

/**
 * Sends a text that an earlier attempt may have sent already: looks it up first.
 * @throws ActionError
 */
export async function sendOnce(
  context: Context,
  message: TextMessage,
  options: SendOptions,
): Promise<ActionOutcome<Output>> {
  const earlier = readProgress(context);
  if (earlier.mayBeSent) {
    const found = await look(context, message, earlier.mark);
    if (found !== null) {
      return found;
    }
  }
  const reason = await options.whyNot();
  if (reason !== null) {
    return { outcome: 'skipped', reason };
  }
  const claims = claimsOf(context, message, options);
  const held = await claimAll(context, claims);
  if (held !== null) {
    return { outcome: 'skipped', reason: held };
  }
  const giveUp = async (error: unknown): Promise<never> => {
    if (!earlier.mayBeSent) {
      saveProgress(context, { post: 'not_sent' });
      await releaseAll(context, claims);
    }
    throw error;
  };
  const mark = earlier.mark ?? (await markList(context.client, message, context.signal).catch(giveUp));
  saveProgress(context, { post: 'begun', mark });
  const answer = await context.client.sendMessage(message, context.signal);
  switch (answer.outcome) {
    case 'accepted':
      return { outcome: 'done', result: { message: { id: answer.id, status: answer.status } } };
    case 'refused':
      return giveUp(answer.error);
    case 'failed':
      return lookAfterPost(context, message, mark, async () =>
        refusedText(context.client, answer.error, context.signal),
      );
    case 'unknown':
      return lookAfterPost(context, message, mark, () => lostAnswer(answer.error));
  }
}

const progress = z.object({ post: z.literal(['begun', 'not_sent']), attempt: z.int(), mark: listMark.optional() });

/**
 * What earlier attempts may have done. Saved progress can be lost or old, so only progress of the last attempt proves
 * that nothing was sent.
 */
function readProgress({ attempt, progress: { last } }: Context): { mayBeSent: boolean; mark: ListMark | null } {
  const read = progress.safeParse(last);
  const isUnsent = attempt === 1 || (read.data?.post === 'not_sent' && read.data.attempt === attempt - 1);
  return { mayBeSent: !isUnsent, mark: isUnsent ? null : (read.data?.mark ?? null) };
}

function saveProgress(context: Context, { post, mark }: { post: 'begun' | 'not_sent'; mark?: ListMark }): void {
  context.progress.save({ post, attempt: context.attempt, ...(mark === undefined ? {} : { mark: { ...mark } }) });
}

interface Claim {
  key: string;
  windowMs: number;
  /** The reason in the report when another owner holds it. */
  reason: string;
}

/** Claims are by action key, which a retry shares and the twin event does not. */
function claimsOf(context: Context, message: TextMessage, { cooldownMs, isConfirmation }: SendOptions): Claim[] {
  const { event, key } = context;
  const claims: Claim[] = [];
  if (event.type.startsWith('message_') || event.type.startsWith('conversation_message_')) {
    const step = key.startsWith(event.event_id) ? key.slice(event.event_id.length) : key;
    claims.push({
      key: `voipbin.send_message/answer/${event.id}${step}`,
      windowMs: ONE_ANSWER_WINDOW_MS,
      reason: 'already_answered',
    });
  }
  if (isConfirmation) {
    claims.push({
      key: `voipbin.send_message/confirmation/${message.from}/${message.to}`,
      windowMs: ONE_ANSWER_WINDOW_MS,
      reason: 'already_confirmed',
    });
  } else if (cooldownMs > 0) {
    claims.push({
      key: `voipbin.send_message/cooldown/${message.from}/${message.to}`,
      windowMs: cooldownMs,
      reason: 'cooldown',
    });
  }
  return claims;
}

/**
 * @returns the reason when another owner holds one, null when all are ours. Earlier claims stay: the twin of a skipped
 *   event must not be answered either.
 */
async function claimAll(context: Context, claims: readonly Claim[]): Promise<string | null> {
  try {
    for (const claim of claims) {
      if ((await context.cooldowns.claim(claim.key, claim.windowMs, context.key)) === 'held') {
        return claim.reason;
      }
    }
    return null;
  } catch (error) {
    if (error instanceof ActionError) {
      throw error;
    }
    throw new ActionError('transient', 'the cooldown could not be checked', {
      connection: 'voipbin',
      code: 'cooldown_unavailable',
    });
  }
}

/** A claim that cannot be released ends with its window. The step reports the refusal, not this. */
async function releaseAll(context: Context, claims: readonly Claim[]): Promise<void> {
  const released = await Promise.allSettled(claims.map((claim) => context.cooldowns.release(claim.key, context.key)));
  if (released.some(({ status }) => status === 'rejected')) {
    context.log.warn({}, 'a cooldown could not be released after a text was refused; it ends with its window');
  }
}

async function look(
  context: Context,
  message: TextMessage,
  mark: ListMark | null,
): Promise<ActionOutcome<Output> | null> {
  try {
    const place = { mark, beganAt: context.startedAt };
    const found = await findSentMessage(context.client, message, place, context.signal);
    return found === null ? null : { outcome: 'done', result: { message: { id: found.id, status: found.status } } };
  } catch (error) {
    if (error instanceof ActionError && error.errorClass === 'permanent') {
      throw new ActionError('ambiguous', 'it is unknown whether the text was sent: voipbin refuses to list messages', {
        ...error.detail,
        remedy: 'Check in VoIPBIN whether the text was sent; retry the run if it was not.',
      });
    }
    throw error;
  }
}

/** @throws what `failure` gives when the text is not in the list: the next attempt looks again before it sends. */
async function lookAfterPost(
  context: Context,
  message: TextMessage,
  mark: ListMark,
  failure: () => ActionError | Promise<ActionError>,
): Promise<ActionOutcome<Output>> {
  try {
    await delay(PAUSE_BEFORE_LOOK_MS, undefined, { signal: context.signal });
  } catch {
    throw await failure();
  }
  const found = await look(context, message, mark);
  if (found !== null) {
    return found;
  }
  throw await failure();
}

function lostAnswer(lost: ActionError): ActionError {
  return new ActionError(
    'transient',
    `no answer to a text that may have been sent; the next attempt looks for it first (${lost.message})`,
    {
      ...lost.detail,
      retryAfterMs: Math.max(lost.detail.retryAfterMs ?? 0, WAIT_AFTER_LOST_ANSWER_MS),
    },
  );
}
