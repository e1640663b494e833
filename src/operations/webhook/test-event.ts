import { randomUUID } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { z } from 'zod';
import { isPublicAddress, withoutBrackets } from '../../net/address';
import { requestOnce, type SingleAnswer } from '../../net/request-once';
import { SIGNATURE_HEADER, webhookSignature } from '../../net/webhook-signature';
import type { Secret } from '../../settings/secret';

/** No resource of VoIPBIN's has such a type. The event is kept, and no rule may act on it. */
export const TEST_TYPE = 'webhook_test';
const ANSWER_WITHIN_MS = 10_000;
const answerBody = z.object({ status: z.string(), id: z.string() });

/** How a request to the public URL ended. */
export type TestOutcome =
  | { reached: true; eventId: string }
  /** Unknown: the bridge is reached, and takes no events from here. */
  | { reached: null; why: string }
  | { reached: false; why: string };

/**
 * Sends an event to the public URL as VoIPBIN does: signed, from outside in as far as this machine's way to it is one.
 * @param secret null: it is not signed.
 */
export async function sendTestEvent(url: string, secret: Secret | null): Promise<TestOutcome> {
  const body = JSON.stringify({ type: TEST_TYPE, data: { id: randomUUID() } });
  let answer: SingleAnswer;
  try {
    answer = await requestOnce(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(secret === null ? {} : { [SIGNATURE_HEADER]: webhookSignature(body, secret.reveal()) }),
      },
      body,
      timeoutMs: ANSWER_WITHIN_MS,
      followRedirects: false,
    });
  } catch (error) {
    return { reached: false, why: `no answer from the URL (${reasonOf(error)})` };
  }
  return outcomeOf(answer);
}

function outcomeOf({ status, text }: SingleAnswer): TestOutcome {
  if (status === 200) {
    const answer = answerBody.safeParse(parse(text));
    return answer.success
      ? { reached: true, eventId: answer.data.id }
      : { reached: false, why: 'something else than a bridge answered at the URL' };
  }
  if (status === 403) {
    return {
      reached: null,
      why: "the answer was 403: this machine's address is not in receiver.ip_allow, or a proxy refuses it",
    };
  }
  if (status === 401) {
    return {
      reached: false,
      why: 'the bridge at the URL refused the signature (401): it does not have the secret of the account yet. Restart it with the secret, and connect again',
    };
  }
  if (status >= 300 && status < 400) {
    return {
      reached: false,
      why: `the URL answers with a redirect (${status}): VoIPBIN loses the event on its way. Use the final URL`,
    };
  }
  return { reached: false, why: `the URL answered ${status} instead of 200` };
}

/** Why VoIPBIN would not call a URL's host; null when it would, or the name cannot be looked up here. */
export async function whyNotCalled(url: string): Promise<string | null> {
  const host = withoutBrackets(new URL(url).hostname);
  const found = await lookup(host, { all: true }).catch(() => []);
  const hidden = found.find(({ address }) => !isPublicAddress(address));
  return hidden === undefined
    ? null
    : `the host of the URL has a private address (${hidden.address}), and VoIPBIN calls public ones only: use a public name, or a tunnel (docs/operations.md, "Connect the webhook")`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** fetch's own error says nothing; the innermost cause does. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return 'failed';
  }
  return error.cause instanceof Error
    ? reasonOf(error.cause)
    : error.name === 'TimeoutError'
      ? 'timeout'
      : error.message;
}
