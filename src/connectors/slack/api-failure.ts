import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError, WebAPIRequestError } from '@slack/web-api';
import { z } from 'zod';
import { ActionError, type ActionErrorDetail, providerCode } from '../action-error';
import { networkFailure, retryAfterMs } from '../network-failure';

const CONNECTION = 'slack';

const RENEW_TOKEN = 'Set SLACK_BOT_TOKEN to a valid bot token (xoxb-...) of an app that is installed in the workspace.';
const INVITE = 'Look at `channel` in the rule, and invite the bot there: /invite @bot in the channel.';

/**
 * Slack's words for a token or workspace that does not work, for any message (reference connectors.md 2), with what to
 * do. What concerns one channel only is not here: it would park the connection for all.
 */
const CREDENTIAL: Readonly<Record<string, string>> = {
  invalid_auth: RENEW_TOKEN,
  not_authed: RENEW_TOKEN,
  token_revoked: RENEW_TOKEN,
  token_expired: RENEW_TOKEN,
  account_inactive: RENEW_TOKEN,
  not_allowed_token_type: 'Set SLACK_BOT_TOKEN to a bot token (xoxb-...); tokens of other kinds cannot post.',
  no_permission: 'Give the Slack app the scope chat:write and install it again.',
  two_factor_setup_required: 'Set up two-factor authentication for the owner of the token.',
  team_access_not_granted: 'Have an administrator grant the Slack app access to this workspace.',
  accesslimited: 'Allow the network that the bridge runs in for this Slack workspace.',
};

/** Slack's error codes for invalid requests, with the remedy where a precise one exists. */
const PERMANENT: Readonly<Record<string, string | null>> = {
  channel_not_found: INVITE,
  not_in_channel: INVITE,
  is_archived: 'Choose another `channel` in the rule, or unarchive this one.',
  messages_tab_disabled:
    "Switch on the Messages Tab in the Slack app's App Home, or choose a channel instead of a person.",
  cannot_reply_to_message: 'Look at `thread_ts` in the rule: no thread can be started there.',
  no_text: 'Look at the template of `text` in the rule: it rendered to nothing.',
  msg_too_long: 'Shorten `text` or `blocks` in the rule.',
  too_many_attachments: 'Use fewer `blocks` in the rule.',
  metadata_too_large: null,
  metadata_must_be_sent_from_app: null,
  access_denied: 'Choose a `channel` that the Slack app may post to.',
  ekm_access_denied: 'An administrator has suspended posting there; ask them.',
  enterprise_is_restricted: 'Use a token of a workspace, not of the Enterprise organisation.',
  as_user_not_supported: null,
  method_deprecated: null,
  deprecated_endpoint: null,
  missing_post_type: null,
};

/** Families of error codes that Slack extends; {@link CREDENTIAL} is checked first. */
const PERMANENT_FAMILY = /^(?:invalid_|restricted_action)/;

const REMEDIES_BY_FAMILY: readonly (readonly [RegExp, string])[] = [
  [/^invalid_blocks/, "Check `blocks` of the rule in Slack's Block Kit Builder."],
  [/^restricted_action/, 'The workspace restricts posting there; choose another `channel` or ask an administrator.'],
];

/** A scope as Slack names it, `chat:write`; several are separated by commas. */
const SCOPES = /^[a-z][a-z0-9_.:,-]{1,100}$/;

const refusal = z.object({ error: z.string().optional(), needed: z.string().optional() });

/** What is known about a call besides its error. */
export interface FailedCall {
  cancelled: boolean;
  timedOut: boolean;
  /** Status of the answer; null when none came. */
  status: number | null;
}

/**
 * What a call of the SDK threw, as the error class that follows from it. Never holds the SDK's text or data, which may
 * be a whole page of HTML. Whatever Slack says that is not known to be lasting is `transient`: the retry budget ends
 * it.
 */
export function slackFailure(error: unknown, call: FailedCall): ActionError {
  if (call.cancelled) {
    return new ActionError('transient', 'the request to slack was cancelled', {
      connection: CONNECTION,
      code: 'cancelled',
    });
  }
  if (error instanceof WebAPIRateLimitedError) {
    return rateLimited(retryAfterMs(String(error.retryAfter)));
  }
  if (error instanceof WebAPIPlatformError) {
    return platformFailure(error.data);
  }
  if (error instanceof WebAPIHTTPError) {
    return httpFailure(error.statusCode, error.headers['retry-after']);
  }
  if (call.status === 429) {
    // The SDK gives a plain error for a 429 without a readable Retry-After.
    return rateLimited(undefined);
  }
  if (call.timedOut) {
    return new ActionError('transient', 'slack did not answer in time', { connection: CONNECTION, code: 'timeout' });
  }
  return networkFailure(error instanceof WebAPIRequestError ? error.original : error, CONNECTION);
}

function rateLimited(waitMs: number | undefined): ActionError {
  return new ActionError('transient', 'slack limits the rate of messages (429)', {
    connection: CONNECTION,
    code: 'ratelimited',
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });
}

function platformFailure(data: unknown): ActionError {
  const { error = '', needed = '' } = refusal.safeParse(data).data ?? {};
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(error)) {
    return new ActionError('transient', 'slack answered with something that is not of its API', {
      connection: CONNECTION,
      code: 'unreadable_answer',
    });
  }
  if (error === 'missing_scope') {
    const scope = SCOPES.test(needed) ? needed : 'chat:write';
    return refused('credential', error, `Give the Slack app the scope ${scope} and install it again.`);
  }
  const renewal = CREDENTIAL[error];
  if (renewal !== undefined) {
    return refused('credential', error, renewal);
  }
  const remedy = PERMANENT[error];
  if (remedy !== undefined || PERMANENT_FAMILY.test(error)) {
    return refused(
      'permanent',
      error,
      remedy ?? REMEDIES_BY_FAMILY.find(([family]) => family.test(error))?.[1] ?? null,
    );
  }
  if (error === 'ratelimited' || error === 'rate_limited') {
    return rateLimited(undefined);
  }
  return new ActionError('transient', `slack failed (${error})`, {
    connection: CONNECTION,
    code: providerCode(error),
  });
}

function refused(errorClass: 'credential' | 'permanent', code: string, remedy: string | null): ActionError {
  const what = errorClass === 'credential' ? 'slack refused the token' : 'slack refused the message';
  return new ActionError(errorClass, `${what} (${code})`, {
    connection: CONNECTION,
    code: providerCode(code),
    ...(remedy === null ? {} : { remedy }),
  });
}

/**
 * Slack itself answers 200 or 429; other statuses come from what stands before it, or from another server altogether.
 */
function httpFailure(status: number, retryAfter: string | undefined): ActionError {
  const wait = retryAfterMs(retryAfter);
  const detail: ActionErrorDetail = {
    connection: CONNECTION,
    code: `http_${status}`,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  };
  if (status >= 500 || status === 408 || status === 425) {
    return new ActionError('transient', `slack failed (${status})`, detail);
  }
  return new ActionError('permanent', `what answers for slack is not its API (${status})`, {
    ...detail,
    remedy: 'Check SLACK_API_URL: it ends in /api/, and redirects are not followed.',
  });
}
