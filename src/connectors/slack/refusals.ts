/**
 * What a word of Slack means for the next attempt.
 * - `credential`: the token, the app or the workspace does not work, for any message.
 * - `permanent`: Slack does not accept this message, or not in this channel. Another attempt gets the same answer.
 * - `transient`: Slack did not post it, and may do so later.
 * - `unclear`: Slack says itself that part of the operation may have succeeded.
 * - `known`: Slack had this `client_msg_id` before, so an earlier attempt posted the message; but it does not find it.
 */
export type Meaning = 'credential' | 'permanent' | 'transient' | 'unclear' | 'known';

/** A word of Slack, and what the operator should do; null where waiting or the message itself says it. */
export interface Refusal {
  meaning: Meaning;
  remedy: string | null;
}

const RENEW_TOKEN = 'Set SLACK_BOT_TOKEN to a valid bot token (xoxb-...) of an app that is installed in the workspace.';
const INVITE = 'Look at `channel` in the rule, and invite the bot there: /invite @bot in the channel.';
const PERSON =
  'Look at `channel` in the rule: the bot cannot write to this person. Choose another person, or a channel.';
const SHORTEN_BLOCKS = 'Shorten `blocks` in the rule; `truncate` shortens a value in a template.';
const ADMINISTRATOR = 'Choose another `channel` in the rule, or ask an administrator of the workspace.';
const BLOCK_KIT = "Check `blocks` of the rule in Slack's Block Kit Builder.";
const LINKS = 'Leave out of the rule what is shared there, or choose a `channel` of your own workspace only.';
const SUPPORT = 'Report it: the bridge does not send such requests.';
const UPDATE = 'Update the bridge.';

const credential = (remedy: string): Refusal => ({ meaning: 'credential', remedy });
const permanent = (remedy: string): Refusal => ({ meaning: 'permanent', remedy });
const transient: Refusal = { meaning: 'transient', remedy: null };
const unclear: Refusal = { meaning: 'unclear', remedy: null };
const known: Refusal = { meaning: 'known', remedy: 'Look in the channel whether the message is there.' };

/**
 * Slack's words: those that its page of chat.postMessage lists (docs.slack.dev/reference/methods/chat.postMessage), and
 * those that its users report for messages to people. `missing_scope` is not here: its meaning depends on the scope.
 */
const WORDS: Readonly<Record<string, Refusal>> = {
  // The token, the app, the workspace.
  account_inactive: credential(RENEW_TOKEN),
  accesslimited: credential('Allow the network that the bridge runs in for this Slack workspace.'),
  enterprise_is_restricted: credential('Use a token of a workspace, not of the Enterprise organisation.'),
  invalid_auth: credential(`${RENEW_TOKEN} The app may also limit the addresses that its token is used from.`),
  not_allowed_token_type: credential('Set SLACK_BOT_TOKEN to a bot token (xoxb-...); this kind of token cannot post.'),
  not_authed: credential(RENEW_TOKEN),
  org_login_required: credential('Wait: Slack moves the workspace to an Enterprise organisation.'),
  team_access_not_granted: credential('Have an administrator grant the Slack app access to this workspace.'),
  token_expired: credential(RENEW_TOKEN),
  token_revoked: credential(RENEW_TOKEN),
  two_factor_setup_required: credential('Set up two-factor authentication for the owner of the token.'),

  // One channel or person.
  access_denied: permanent('Choose a `channel` that the Slack app may post to.'),
  cannot_dm_bot: permanent(PERSON),
  cannot_reply_to_message: permanent('Look at `thread_ts` in the rule: no thread can be started there.'),
  channel_is_archived: permanent('Choose another `channel` in the rule, or unarchive this one.'),
  channel_not_found: permanent(INVITE),
  ekm_access_denied: permanent('An administrator has suspended posting there; ask them.'),
  is_archived: permanent('Choose another `channel` in the rule, or unarchive this one.'),
  messages_tab_disabled: permanent(
    "Switch on the Messages Tab in the Slack app's App Home, or choose a channel instead of a person.",
  ),
  no_permission: permanent(INVITE),
  not_in_channel: permanent(INVITE),
  restricted_action: permanent(ADMINISTRATOR),
  restricted_action_non_threadable_channel: permanent('Leave `thread_ts` out of the rule: the channel has no threads.'),
  restricted_action_read_only_channel: permanent(ADMINISTRATOR),
  restricted_action_thread_locked: permanent('Choose another message for `thread_ts`: this thread is locked.'),
  restricted_action_thread_only_channel: permanent('Set `thread_ts` in the rule: the channel takes answers only.'),
  slack_connect_canvas_sharing_blocked: permanent(LINKS),
  slack_connect_clip_sharing_blocked: permanent(LINKS),
  slack_connect_file_link_sharing_blocked: permanent(LINKS),
  slack_connect_lists_sharing_blocked: permanent(LINKS),
  team_not_found: permanent(
    'Write the id of the channel (C0123456789) instead of its name: the token is for several workspaces.',
  ),
  user_disabled: permanent(PERSON),
  user_not_found: permanent(PERSON),
  user_not_visible: permanent(PERSON),

  // The message.
  as_user_not_supported: permanent(SUPPORT),
  attachment_payload_limit_exceeded: permanent(SHORTEN_BLOCKS),
  block_mismatch: permanent(BLOCK_KIT),
  deprecated_endpoint: permanent(UPDATE),
  invalid_blocks: permanent(BLOCK_KIT),
  invalid_blocks_format: permanent(BLOCK_KIT),
  markdown_text_conflict: permanent(SUPPORT),
  metadata_must_be_sent_from_app: permanent(SUPPORT),
  metadata_too_large: permanent(SUPPORT),
  method_deprecated: permanent(UPDATE),
  missing_file_data: permanent(BLOCK_KIT),
  missing_post_type: permanent(SUPPORT),
  msg_blocks_too_long: permanent(SHORTEN_BLOCKS),
  msg_too_long: permanent('Shorten `text` or `blocks` in the rule.'),
  no_text: permanent('Look at the template of `text` in the rule: it rendered to nothing.'),
  too_many_attachments: permanent('Use fewer `blocks` in the rule.'),
  too_many_contact_cards: permanent('Use fewer `blocks` in the rule.'),

  // Later.
  message_limit_exceeded: transient,
  rate_limited: transient,
  ratelimited: transient,
  request_timeout: transient,
  service_unavailable: transient,
  team_added_to_org: transient,

  // Done, or perhaps done.
  duplicate_channel_not_found: known,
  duplicate_message_not_found: known,
  fatal_error: unclear,
  internal_error: unclear,
};

/**
 * Families of words that Slack extends. What they are about does not change by itself: an argument, a recipient, a limit
 * of size, a policy.
 */
const LASTING =
  /^(?:invalid|restricted|restricted_action|missing|too_many|cannot|cant|not|no|user|channel|slack_connect|metadata|msg)_|_(?:not_found|disabled|deactivated|too_long|too_large|not_supported|not_allowed|blocked|conflict|deprecated)$/;

/** The app lacks this scope for every message, as against one that only some channels ask for. */
const SCOPE_OF_ALL = /^chat:write(?::bot|:user)?$/;

/** A scope as Slack names it, `chat:write`; several are separated by commas. */
const SCOPES = /^[a-z][a-z0-9_.:,-]{1,100}$/;

/**
 * What a refusal of Slack means.
 *
 * @param word Slack's `error`.
 * @param needed Slack's `needed`: the scopes that it misses; empty when it names none.
 * @returns null for a word that nobody knows.
 */
export function meaningOf(word: string, needed: string): Refusal | null {
  if (word === 'missing_scope') {
    const scope = SCOPES.test(needed) ? needed : 'chat:write';
    return {
      meaning: scope.split(',').some((each) => SCOPE_OF_ALL.test(each)) ? 'credential' : 'permanent',
      remedy: `Give the Slack app the scope ${scope} and install it again.`,
    };
  }
  return WORDS[word] ?? (LASTING.test(word) ? { meaning: 'permanent', remedy: null } : null);
}
