import { meaningOf, type Meaning } from '../../../src/connectors/slack/refusals';

/** The errors of chat.postMessage, as Slack's page of the method lists them, and others that its users met. */
const LISTED: Readonly<Record<Meaning, string>> = {
  credential:
    'account_inactive accesslimited enterprise_is_restricted invalid_auth not_allowed_token_type not_authed org_login_required team_access_not_granted token_expired token_revoked two_factor_setup_required',
  permanent:
    'access_denied as_user_not_supported attachment_payload_limit_exceeded cannot_dm_bot cannot_reply_to_message channel_not_found deprecated_endpoint ekm_access_denied invalid_arg_name invalid_arguments invalid_array_arg invalid_blocks invalid_blocks_format invalid_charset invalid_form_data invalid_metadata_format invalid_metadata_schema invalid_post_type is_archived markdown_text_conflict messages_tab_disabled metadata_must_be_sent_from_app metadata_too_large method_deprecated missing_file_data missing_post_type msg_blocks_too_long msg_too_long no_permission no_text not_in_channel restricted_action restricted_action_non_threadable_channel restricted_action_read_only_channel restricted_action_thread_locked restricted_action_thread_only_channel slack_connect_canvas_sharing_blocked slack_connect_clip_sharing_blocked slack_connect_file_link_sharing_blocked slack_connect_lists_sharing_blocked team_not_found too_many_attachments too_many_contact_cards user_disabled user_not_found user_not_visible',
  transient: 'message_limit_exceeded rate_limited ratelimited request_timeout service_unavailable team_added_to_org',
  unclear: 'fatal_error internal_error',
  known: 'duplicate_channel_not_found duplicate_message_not_found',
};

it.each(Object.entries(LISTED).flatMap(([meaning, words]) => words.split(' ').map((word) => [word, meaning])))(
  '%s is %s',
  (word, meaning) => {
    expect(meaningOf(word, '')?.meaning).toBe(meaning);
  },
);

it.each(['cannot_dm_restricted_user', 'channel_type_not_supported', 'user_is_restricted', 'slack_connect_new_blocked'])(
  '%s, of a family that does not pass by itself, is permanent',
  (word) => {
    expect(meaningOf(word, '')?.meaning).toBe('permanent');
  },
);

it('a refusal for good says what to do', () => {
  const words = `${LISTED.credential} ${LISTED.permanent}`.split(' ').filter((word) => !word.startsWith('invalid_'));
  expect(words.filter((word) => (meaningOf(word, '')?.remedy ?? '') === '')).toEqual([]);
});

it('a word of no family has no meaning', () => {
  expect(meaningOf('moon_is_full', '')).toBeNull();
});
