import type { ErrorDescription } from './error-description';

/**
 * The four classes of a step's failure (DESIGN "Connectors"). The class alone decides what the bridge does next.
 * - `transient`: the request is fine; it is retried with backoff, within the step's retry budget.
 * - `permanent`: the request itself is wrong; it is not retried.
 * - `credential`: the connection's credential or account does not work, or does not permit a part of it; every step of it,
 *   or of that part, would fail alike.
 * - `ambiguous`: it may have happened. Only actions whose effect is not repeatable fail like this.
 */
export const ERROR_CLASSES = ['transient', 'permanent', 'credential', 'ambiguous'] as const;

/** One of {@link ERROR_CLASSES}. */
export type ErrorClass = (typeof ERROR_CLASSES)[number];

/** What each class means to the operator. */
export const ERROR_CLASS_DESCRIPTIONS: Readonly<Record<ErrorClass, ErrorDescription>> = {
  transient: {
    meaning:
      'The service, the network or a limit is in the way. The bridge retries within the retry budget of the step.',
    remedy: 'Nothing, unless it lasts: then look at the service. `retry: { for: 2h }` gives a step more time.',
  },
  permanent: {
    meaning: 'The service refuses the request itself. The step fails at once.',
    remedy: 'Correct the rule, or what it refers to (a channel, a property, a number).',
  },
  credential: {
    meaning:
      'The credential or the account does not work, or does not permit this. The connection, or that part of it, is parked: its steps wait, and continue by themselves once it works.',
    remedy: 'Correct the credential or the account. `bridge connections list` shows what is parked and why.',
  },
  ambiguous: {
    meaning: 'The service may have done it: the answer was lost. The step fails, so that nothing is done twice.',
    remedy: 'Look at the service whether it was done.',
  },
};

/** A step's error with a code of the bridge's own. */
export interface StepError extends ErrorDescription {
  readonly class: ErrorClass;
}

/**
 * The bridge's own codes for failed steps. Besides these, a code is the provider's own word (`channel_not_found`,
 * `PROPERTY_DOESNT_EXIST`), or a status: `http_<status>`, `smtp_<status>` or `smtp_<status>_<enhanced status>`,
 * `storage_http_<status>`.
 */
export const STEP_ERRORS = {
  account_not_ready: {
    class: 'credential',
    meaning: 'The VoIPBIN account has no balance, or its identity is not verified.',
    remedy: 'Top up or verify the account.',
  },
  address_not_allowed: {
    class: 'permanent',
    meaning: 'A recording is at an address that the bridge does not fetch from.',
    remedy: 'If the address is right, allow it with `BRIDGE_HTTP_ALLOW`.',
  },
  address_refused: {
    class: 'permanent',
    meaning: 'An `http.request` goes to an address that is not public.',
    remedy: 'If the address is right, allow it with `BRIDGE_HTTP_ALLOW`.',
  },
  address_with_credential: {
    class: 'permanent',
    meaning: 'The address of a recording contains a user name or password.',
    remedy: 'Report it: VoIPBIN does not send such addresses.',
  },
  answer_lost: {
    class: 'ambiguous',
    meaning:
      'The mail server may have accepted the mail, or Slack the message; the connection ended before its answer.',
    remedy: 'Look for the mail at its recipient, or for the message in the channel.',
  },
  answer_too_large: {
    class: 'transient',
    meaning: 'A service answered with more than the bridge reads.',
    remedy: 'Report it if it lasts.',
  },
  attempt_lost: {
    class: 'ambiguous',
    meaning: 'A worker stopped during an `http.request` that must not be repeated.',
    remedy: 'Look at the server whether it was done. An `Idempotency-Key` header lets the bridge retry by itself.',
  },
  blocks_empty_text: {
    class: 'permanent',
    meaning: 'A text in the blocks of a Slack message is empty after rendering.',
    remedy: 'Give the template a default: `{{ field | default: "…" }}`.',
  },
  blocks_over_limit: {
    class: 'permanent',
    meaning: 'A Slack message has more blocks, or longer texts in them, than Slack accepts.',
    remedy: 'Shorten the blocks in the rule.',
  },
  body_too_large: {
    class: 'permanent',
    meaning: 'The rendered body of an `http.request` is too long.',
    remedy: 'Send less of the event.',
  },
  broken_zip: {
    class: 'transient',
    meaning: 'The file of a recording is not complete yet, or damaged.',
    remedy: 'Nothing, unless it lasts: then look at the recording in VoIPBIN.',
  },
  bug: {
    class: 'permanent',
    meaning: 'The bridge failed in a way that it does not know.',
    remedy: 'Report it, with the event id.',
  },
  cancelled: {
    class: 'transient',
    meaning: 'The attempt was cancelled, usually because the worker stops. Another worker makes the next attempt.',
    remedy: 'Nothing.',
  },
  claims_full: {
    class: 'transient',
    meaning: 'So many cooldowns and limits are in force that no more can be counted.',
    remedy: 'Write shorter cooldowns, or count them per fewer values. Room comes as they end.',
  },
  conflict: {
    class: 'transient',
    meaning: 'HubSpot reports that a record exists already, but does not show it yet.',
    remedy: 'Nothing: after two more looks the bridge makes the record another way.',
  },
  conflict_hidden: {
    class: 'permanent',
    meaning:
      'HubSpot reports that a record exists already, and shows it neither among its records nor the deleted ones.',
    remedy: 'Look in HubSpot for a deleted or restricted record with the same value.',
  },
  connection_lost: {
    class: 'transient',
    meaning: 'The connection to the mail server ended early.',
    remedy: 'Nothing, unless it lasts: then look at the mail server.',
  },
  cooldown_unavailable: {
    class: 'transient',
    meaning: 'Temporal did not say whether a cooldown is in force.',
    remedy: 'Nothing, unless it lasts: then look at Temporal.',
  },
  credentials_in_url: {
    class: 'permanent',
    meaning: 'The URL of an `http.request` contains a user name or password.',
    remedy: 'Send them in the `Authorization` header.',
  },
  dns: {
    class: 'transient',
    meaning: 'The name of the mail server could not be resolved.',
    remedy: 'Nothing, unless it lasts: then check the host in `SMTP_URL`.',
  },
  empty_text: {
    class: 'permanent',
    meaning: 'The text of a message is empty after rendering.',
    remedy: 'Give the template a default: `{{ field | default: "…" }}`.',
  },
  event_cut: {
    class: 'permanent',
    meaning: 'The event is too large for Temporal, and the step reads a part that was left out of the run.',
    remedy: 'Use another field of the event. `bridge events show ID` lists what was left out; the inbox has it all.',
  },
  input_changed: {
    class: 'ambiguous',
    meaning:
      'An earlier attempt may have acted, and another version of the bridge rendered its texts differently: it cannot be found by comparing.',
    remedy: 'Look at the provider whether it was done. Retry the run if it was not.',
  },
  invalid_address: {
    class: 'permanent',
    meaning: 'A mail address is not valid after rendering.',
    remedy: 'Correct the address in the rule, or the field that it comes from.',
  },
  invalid_answer: {
    class: 'transient',
    meaning: 'HubSpot answered in a form that the bridge does not know.',
    remedy: 'Check `HUBSPOT_BASE_URL` and any proxy; report it if it lasts.',
  },
  invalid_contact: {
    class: 'permanent',
    meaning: "`contact` is not HubSpot's id of a contact after rendering.",
    remedy: 'Give `contact` the id that an earlier step found, or use `number`.',
  },
  invalid_due: {
    class: 'permanent',
    meaning: '`due` of a task is neither a duration nor a time after rendering.',
    remedy: 'Correct `due` in the rule.',
  },
  invalid_from: {
    class: 'permanent',
    meaning: '`from` of a message is not a phone number after rendering.',
    remedy: 'Correct `from` in the rule, or the field that it comes from.',
  },
  invalid_input: {
    class: 'permanent',
    meaning: 'An input of the step is not valid after rendering.',
    remedy: 'Correct the input that the message names.',
  },
  invalid_number: {
    class: 'permanent',
    meaning: '`number` of a HubSpot step is not a phone number.',
    remedy: 'Write it in E.164 in the rule, quoted, or set the country of the rule file.',
  },
  invalid_owner: {
    class: 'permanent',
    meaning: '`owner` of a task is not an e-mail address after rendering.',
    remedy: 'Correct `owner` in the rule.',
  },
  invalid_redirect: {
    class: 'permanent',
    meaning: 'An `http.request` was redirected to something that is not a URL.',
    remedy: 'Report it to the operator of that server.',
  },
  invalid_to: {
    class: 'permanent',
    meaning: '`to` of a message is not a phone number after rendering.',
    remedy: 'Correct `to` in the rule, or the field that it comes from.',
  },
  invalid_url: {
    class: 'permanent',
    meaning: 'The URL of an `http.request` is not valid after rendering.',
    remedy: 'Correct `url` in the rule, or the field that it comes from.',
  },
  limits_unavailable: {
    class: 'transient',
    meaning: 'Temporal did not say whether a limit is reached.',
    remedy: 'Nothing, unless it lasts: then look at Temporal.',
  },
  line_unavailable: {
    class: 'transient',
    meaning: 'The connection is parked, and the workflow that holds its queue does not answer.',
    remedy: 'Nothing, unless it lasts: then look at Temporal.',
  },
  login: {
    class: 'credential',
    meaning: 'The mail server refuses the login.',
    remedy: 'Check the user and the password in `SMTP_URL`.',
  },
  network: {
    class: 'transient',
    meaning: 'The service could not be reached.',
    remedy: 'Nothing, unless it lasts: then look at the network and the address of the service.',
  },
  no_recipient: {
    class: 'permanent',
    meaning: 'The recipient of a mail is empty after rendering.',
    remedy: 'Correct `to` in the rule, or the field that it comes from.',
  },
  no_sender: {
    class: 'permanent',
    meaning: 'A message has no number to be sent from.',
    remedy: 'Set `from` in the rule.',
  },
  no_text: {
    class: 'permanent',
    meaning: 'A Slack message has neither text nor blocks after rendering.',
    remedy: 'Give the template a default: `{{ field | default: "…" }}`.',
  },
  not_connected: {
    class: 'permanent',
    meaning: 'The worker has no connection for this action.',
    remedy: 'Give every worker the settings of the connection.',
  },
  opt_outs_full: {
    class: 'permanent',
    meaning: 'The bridge keeps as many opt-outs as it can, and could not record one more.',
    remedy: 'Report it. Until then, block the number in VoIPBIN.',
  },
  opt_outs_unavailable: {
    class: 'transient',
    meaning: 'Temporal did not say whether the recipient of a text asked for no more texts, so none is sent.',
    remedy: 'Nothing, unless it lasts: then look at Temporal and at the workers.',
  },
  over_budget: {
    class: 'permanent',
    meaning:
      'A condition or template takes too many steps on this event, usually by a loop or search over long lists or texts. The event is kept.',
    remedy:
      'Test a shorter list or text in the rule, or say the same without a loop: `data.tags.exists(t, t in data.allowed)` compares all pairs.',
  },
  owner_not_found: {
    class: 'permanent',
    meaning: 'No HubSpot user has the e-mail address in `owner`.',
    remedy: 'Correct `owner` in the rule, or add the user in HubSpot.',
  },
  proxy_refused: {
    class: 'credential',
    meaning: 'The proxy of `HTTPS_PROXY` or `HTTP_PROXY` refuses the login, or to connect to the service.',
    remedy: 'Correct the login in the address of the proxy, or allow the service there, or add it to `NO_PROXY`.',
  },
  queue_full: {
    class: 'transient',
    meaning: 'Too many requests to VoIPBIN, or messages to one Slack channel, wait in this worker.',
    remedy: 'Nothing, unless it lasts.',
  },
  rate_limit: {
    class: 'transient',
    meaning: 'HubSpot limits the rate of requests.',
    remedy: 'Nothing, unless it lasts.',
  },
  ratelimited: {
    class: 'transient',
    meaning: 'Slack limits the rate of messages.',
    remedy: 'Nothing, unless it lasts: then post less.',
  },
  recording_not_stored: {
    class: 'transient',
    meaning: 'VoIPBIN has not stored the file of the recording yet.',
    remedy: 'Nothing: the step waits for it. `wait:` says for how long.',
  },
  redirect: {
    class: 'transient',
    meaning: 'HubSpot answered with a redirect.',
    remedy: 'Check `HUBSPOT_BASE_URL`, and any proxy on the way.',
  },
  request_pace: {
    class: 'transient',
    meaning: 'Too many HubSpot requests wait in this worker.',
    remedy:
      'Nothing, unless it lasts: then raise `connections.hubspot.requests_per_second` if your HubSpot subscription allows it.',
  },
  search_pace: {
    class: 'transient',
    meaning: 'Too many HubSpot searches wait in this worker.',
    remedy: 'Nothing, unless it lasts.',
  },
  secret_missing: {
    class: 'permanent',
    meaning: 'A rule refers to a secret, `${env:NAME}` or `${file:/path}`, that the worker does not have.',
    remedy: 'Set the variable, or create the file, on the machine of the worker; restart it, and retry the run.',
  },
  secret_refused: {
    class: 'permanent',
    meaning: 'A rule refers to a secret that rules may not have.',
    remedy: 'Add it to `BRIDGE_RULES_SECRETS` on the machine of the worker, or remove it from the rule.',
  },
  template: {
    class: 'permanent',
    meaning: 'A template or condition failed on this event.',
    remedy: 'Correct it in the rule; `bridge rules test` with this event shows the error.',
  },
  text_too_long: {
    class: 'permanent',
    meaning: 'The text of a message has more parts than carriers take: 1,530 characters, or 670 with an emoji in it.',
    remedy: 'Shorten `text`, or what a template inserts: `{{ field | truncate: 300 }}`.',
  },
  timeout: {
    class: 'transient',
    meaning: 'The service did not answer in time.',
    remedy: 'Nothing, unless it lasts: then look at the service.',
  },
  tls: {
    class: 'credential',
    meaning: 'No encrypted connection to the service could be made: its certificate is not accepted, or it has none.',
    remedy:
      'Do what the message says: check the address, the port and the certificate; for a CA of your own, set `NODE_EXTRA_CA_CERTS`.',
  },
  too_late: {
    class: 'transient',
    meaning: 'The step started after its retry budget, which counts from the event, was spent.',
    remedy: 'Give the step more time with `retry: { for: … }` if it is still of use then.',
  },
  too_many_messages: {
    class: 'ambiguous',
    meaning: 'Too many messages were sent since, so the bridge cannot find out whether the text was sent.',
    remedy: 'Look for the text in VoIPBIN.',
  },
  too_many_redirects: {
    class: 'permanent',
    meaning: 'An `http.request` was redirected too often.',
    remedy: 'Use the final address.',
  },
  unexpected_answer: {
    class: 'transient',
    meaning: 'VoIPBIN answered in a form that the bridge does not know.',
    remedy: 'Check `VOIPBIN_API_URL` and any proxy; report it if it lasts.',
  },
  unknown: {
    class: 'credential',
    meaning: 'The connection was parked for a reason that is no longer known.',
    remedy: 'Check the credential of the connection.',
  },
  unreadable_answer: {
    class: 'transient',
    meaning: 'Slack answered with something that is not part of its API.',
    remedy: 'Check `SLACK_API_URL` and any proxy; report it if it lasts.',
  },
} as const satisfies Readonly<Record<string, StepError>>;

/** One of {@link STEP_ERRORS}. */
export type StepErrorCode = keyof typeof STEP_ERRORS;
