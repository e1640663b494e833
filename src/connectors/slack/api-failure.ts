import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError, WebAPIRequestError } from '@slack/web-api';
import { z } from 'zod';
import type { ErrorClass } from '../../errors/step-errors';
import { ActionError, type ActionErrorDetail, providerCode } from '../action-error';
import { networkFailure, neverReached, retryAfterMs } from '../network-failure';
import { meaningOf, type Meaning } from './refusals';

const CONNECTION = 'slack';

const CLASSES: Readonly<Record<Meaning, ErrorClass>> = {
  credential: 'credential',
  permanent: 'permanent',
  transient: 'transient',
  unclear: 'transient',
  known: 'ambiguous',
};

const WHAT: Readonly<Record<Meaning, string>> = {
  credential: 'slack refused the token',
  permanent: 'slack refused the message',
  transient: 'slack failed',
  unclear: 'slack failed',
  known: 'slack had this message before, from an earlier attempt, and does not find it now',
};

const refusal = z.object({ error: z.string().optional(), needed: z.string().optional() });

/** What is known about a call besides its error. */
export interface FailedCall {
  /** Whether the request was begun at all. */
  begun: boolean;
  cancelled: boolean;
  timedOut: boolean;
  /** Status of the answer; null when none came. */
  status: number | null;
}

/** A call that failed. */
export interface SlackFailure {
  error: ActionError;
  /** Whether Slack may have done what was asked all the same: its answer was lost, or leaves it open. */
  maybeDone: boolean;
  /** Whether Slack refused with a word that the bridge does not know: then nobody knows whether it passes. */
  unknownWord: boolean;
}

/**
 * Classifies what a call of the SDK threw. Never holds the SDK's text or data, which may be a whole page of HTML.
 *
 * A refusal in Slack's own words is final: it posted nothing, except where the word says otherwise.
 */
export function slackFailure(error: unknown, call: FailedCall): SlackFailure {
  if (call.cancelled) {
    return lost(transient('the request to slack was cancelled', 'cancelled'), call.begun);
  }
  if (error instanceof WebAPIRateLimitedError) {
    return notDone(rateLimited(retryAfterMs(String(error.retryAfter))));
  }
  if (error instanceof WebAPIPlatformError) {
    return refused(error.data);
  }
  if (error instanceof WebAPIHTTPError) {
    return httpFailure(error.statusCode, error.headers['retry-after']);
  }
  if (call.status === 429) {
    // The SDK gives a plain error for a 429 without a readable Retry-After.
    return notDone(rateLimited(undefined));
  }
  if (call.timedOut) {
    return lost(transient('slack did not answer in time', 'timeout'));
  }
  const original = error instanceof WebAPIRequestError ? error.original : error;
  return lost(networkFailure(original, CONNECTION), !neverReached(original));
}

/** An answer of Slack that says `ok` and nothing that can be read. */
export function unreadableAnswer(): SlackFailure {
  return lost(transient('slack accepted the message, but its answer is not readable', 'unreadable_answer'));
}

function notDone(error: ActionError): SlackFailure {
  return { error, maybeDone: false, unknownWord: false };
}

function lost(error: ActionError, maybeDone = true): SlackFailure {
  return { error, maybeDone, unknownWord: false };
}

function transient(message: string, code: ActionErrorDetail['code']): ActionError {
  return new ActionError('transient', message, { connection: CONNECTION, code });
}

function rateLimited(waitMs: number | undefined): ActionError {
  return new ActionError('transient', 'slack limits the rate of messages (429)', {
    connection: CONNECTION,
    code: 'ratelimited',
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });
}

function refused(data: unknown): SlackFailure {
  const { error: word = '', needed = '' } = refusal.safeParse(data).data ?? {};
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(word)) {
    // A page of a proxy or of a log-in: Slack has not seen the request.
    return notDone(transient('slack answered with something that is not of its API', 'unreadable_answer'));
  }
  if (word === 'ratelimited' || word === 'rate_limited') {
    return notDone(rateLimited(undefined));
  }
  const { meaning, remedy } = meaningOf(word, needed) ?? { meaning: 'transient', remedy: null };
  return {
    error: new ActionError(CLASSES[meaning], `${WHAT[meaning]} (${word})`, {
      connection: CONNECTION,
      code: providerCode(word),
      ...(remedy === null ? {} : { remedy }),
    }),
    maybeDone: meaning === 'unclear',
    unknownWord: meaningOf(word, needed) === null,
  };
}

/**
 * Slack itself answers 200 or 429; other statuses come from what stands before it, or from another server altogether. A
 * gateway that gives up may have passed the request on, unless it asks to come back later.
 */
function httpFailure(status: number, retryAfter: string | undefined): SlackFailure {
  const wait = retryAfterMs(retryAfter);
  const detail: ActionErrorDetail = {
    connection: CONNECTION,
    code: `http_${status}`,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  };
  if (status >= 500 || status === 408 || status === 425) {
    const error = new ActionError('transient', `slack failed (${status})`, detail);
    return lost(error, status >= 500 && !(status === 503 && wait !== undefined));
  }
  return notDone(
    new ActionError('permanent', `what answers for slack is not its API (${status})`, {
      ...detail,
      remedy: 'Check SLACK_API_URL: it ends in /api/, and redirects are not followed.',
    }),
  );
}
