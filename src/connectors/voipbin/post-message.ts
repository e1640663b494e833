import { z } from 'zod';
import type { ActionError } from '../action-error';
import { neverReached } from '../network-failure';
import { parseJson } from './api-failure';
import { answerFailure, requestFailure, unexpectedAnswer, type ApiAnswer, type Transport } from './transport';

const SEND_TIMEOUT_MS = 10_000;

/** One text to one phone, numbers in E.164. */
export interface TextMessage {
  from: string;
  to: string;
  text: string;
}

/**
 * What became of a POST /messages.
 * - `accepted`: VoIPBIN has it and will try to send it.
 * - `refused`: it was certainly not sent.
 * - `failed`: VoIPBIN answered 500. By its source it sends nothing then, and answers so also when the account has no
 *   credit or no verified identity; its words for that do not reach us. The error is `transient`.
 * - `unknown`: the request went out and no usable answer came back, so that it may have been sent. The error is
 *   `transient`.
 */
export type SendAnswer =
  | { outcome: 'accepted'; id: string; status: string }
  | { outcome: 'refused'; error: ActionError }
  | { outcome: 'failed'; error: ActionError }
  | { outcome: 'unknown'; error: ActionError };

const target = z.object({
  destination: z.object({ target: z.string().optional() }).nullish(),
  status: z.string().optional(),
});

const sentMessage = z.object({ id: z.string().min(1), targets: z.array(target).nullish() });

/** Sends one text to one phone. Does not throw: the answer says what happened. */
export async function postMessage(
  transport: Transport,
  message: TextMessage,
  signal: AbortSignal,
): Promise<SendAnswer> {
  const body = {
    source: { type: 'tel', target: message.from },
    destinations: [{ type: 'tel', target: message.to }],
    text: message.text,
  };
  try {
    await transport.waitForSlot(signal);
  } catch (error) {
    return { outcome: 'refused', error: requestFailure(error, signal) };
  }
  let answer: ApiAnswer;
  try {
    answer = await transport.exchange({ method: 'POST', path: '/messages', body, timeoutMs: SEND_TIMEOUT_MS }, signal);
  } catch (error) {
    return { outcome: neverReached(error) ? 'refused' : 'unknown', error: requestFailure(error, signal) };
  }
  if (answer.status >= 200 && answer.status < 300) {
    const sent = sentMessage.safeParse(parseJson(answer.body));
    return sent.success
      ? { outcome: 'accepted', id: sent.data.id, status: sent.data.targets?.[0]?.status ?? 'queued' }
      : { outcome: 'unknown', error: unexpectedAnswer() };
  }
  const error = answerFailure(answer);
  if (answer.status === 500) {
    return { outcome: 'failed', error };
  }
  const mayBeSent = error.errorClass === 'transient' && answer.status !== 429;
  return { outcome: mayBeSent ? 'unknown' : 'refused', error };
}
