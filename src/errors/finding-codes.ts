import type { ErrorDescription } from './error-description';

/**
 * Every code that a finding can have, in the order of the documentation: files, values, rules, conditions, steps,
 * templates, tests, warnings, settings. docs/errors.md is made from it. `Findings` accepts no other code, so a code that
 * is not described here does not compile.
 */
export const FINDING_CODES = {
  // The file
  'missing-file': {
    meaning: 'A rule file does not exist.',
    remedy: 'Correct the path, or the include that names it. Paths in include are relative to the including file.',
  },
  file: {
    meaning: 'A file cannot be read, or is not a regular file.',
    remedy: 'Check its path and permissions. Folders, pipes and devices are not read.',
  },
  'too-large': {
    meaning: 'A file is longer than the bridge reads.',
    remedy: 'Split a rule file with include.',
  },
  encoding: {
    meaning: 'A file is not UTF-8 text, so its letters would be changed.',
    remedy: 'Save it as UTF-8. Editors on Windows may call the other encodings ANSI, Windows-1252 or Unicode.',
  },
  yaml: {
    meaning: 'The text is not valid YAML, or contains characters that only look like those of YAML.',
    remedy: 'Correct the line that the caret points at: indentation, quotes and colons are the usual causes.',
  },
  alias: {
    meaning: 'A value uses a YAML anchor or alias (& or *). They are not supported.',
    remedy: 'Put a text that starts with & or * in quotes. For values that are used twice, use lists and defaults.',
  },
  tag: {
    meaning: 'A value uses a YAML tag (!). Tags are not supported.',
    remedy: 'Put a text that starts with ! in quotes.',
  },
  key: {
    meaning: 'A key is a block or a list instead of a text.',
    remedy: 'Put a key that starts with { or [ in quotes.',
  },
  'too-deep': {
    meaning: 'Blocks or lists are nested too deep.',
    remedy: 'Use fewer levels.',
  },
  'too-many': {
    meaning: 'A rule has more steps than the bridge supports, or there are more findings than it lists.',
    remedy: 'Split the rule into several. Correct what is listed first.',
  },
  include: {
    meaning:
      'A file is included twice, is outside the folder of the main rule file, does not end in .yaml or .yml, or too many files are included.',
    remedy: 'Include each file once, from the folder of the main rule file or below, and at most 100 files in all.',
  },
  version: {
    meaning: 'The file is written for another version of the rule language.',
    remedy: 'Write version: 1, or update the bridge.',
  },
  defaults: {
    meaning: 'An included file has a defaults block.',
    remedy: 'Move it to the main rule file.',
  },
  // Values
  type: {
    meaning: 'A value has the wrong type: a text instead of a list, a number instead of a text.',
    remedy: 'Write the type that the finding names. Numbers in quotes are texts.',
  },
  empty: {
    meaning: 'A value that must not be empty is empty.',
    remedy: 'Fill it in, or remove it.',
  },
  choice: {
    meaning: 'A word is not one of the allowed words.',
    remedy: 'Use one of the words that the finding lists.',
  },
  number: {
    meaning: 'A number is infinite, not a number, or has more digits than the program keeps.',
    remedy: 'Write a finite number; put one with very many digits in quotes.',
  },
  'bare-number': {
    meaning:
      'A number of seven or more digits has no quotes: it is a phone number or an id, which a number would change.',
    remedy: 'Put it in quotes.',
  },
  duration: {
    meaning: 'A value is not a duration.',
    remedy: 'Write a number and a unit: 30s, 15m, 24h, 7d.',
  },
  time: {
    meaning: 'A value is not a time of day, or the `at` of a test is not a time.',
    remedy: 'Write "09:00", or "2026-03-07 10:00" in a test.',
  },
  date: {
    meaning: 'A value is not a date.',
    remedy: 'Write year, month and day in quotes: "2026-03-01".',
  },
  days: {
    meaning: 'A value does not name days of the week.',
    remedy: 'Write mon-fri, sat, or a list of days.',
  },
  timezone: {
    meaning: 'A time zone does not exist.',
    remedy: 'Write an IANA name such as Asia/Seoul or Europe/Berlin.',
  },
  country: {
    meaning: 'A country code does not exist.',
    remedy: 'Write two capital letters (ISO 3166-1), such as KR or US.',
  },
  phone: {
    meaning: 'A value stands for a phone number and cannot be read as one.',
    remedy: 'Write it with its country code, or set defaults.country.',
  },
  pattern: {
    meaning: 'A regular expression is not valid, or uses something that RE2 does not support.',
    remedy: 'Correct the expression. RE2 has no look-ahead, no look-behind and no back-references.',
  },
  name: {
    meaning: 'A name has characters that are not allowed.',
    remedy: 'Use letters, digits, dots, dashes and underscores.',
  },
  id: {
    meaning: "A step's id has characters that are not allowed.",
    remedy: 'Use letters, digits and underscores. Start with a letter or an underscore.',
  },
  'unknown-key': {
    meaning: 'A block has a key that does not exist.',
    remedy: 'Correct the key, or remove it.',
  },
  'missing-key': {
    meaning: 'A required key is missing.',
    remedy: 'Add it.',
  },
  // Rules
  'duplicate-rule': {
    meaning: 'Two rules have the same name.',
    remedy: 'Rename one of them.',
  },
  'duplicate-list': {
    meaning: 'Two files define a list with the same name.',
    remedy: 'Rename one of them.',
  },
  'duplicate-map': {
    meaning:
      'Two files define a map with the same name, a list has the name of a map, or two keys of a map are one number.',
    remedy: 'Rename or remove one of them.',
  },
  'duplicate-window': {
    meaning: 'Two files define a window with the same name.',
    remedy: 'Rename one of them.',
  },
  'unknown-type': {
    meaning: 'An event type is not known.',
    remedy: 'Correct it. If VoIPBIN has added a new type, the warning can be ignored.',
  },
  limit: {
    meaning: 'A cooldown or a maximum is not written as a limit.',
    remedy: 'Write "10m per peer.number" as a cooldown, "200 per day" as a maximum.',
  },
  window: {
    meaning: 'A window begins and ends at the same time.',
    remedy: 'Correct from or to. For the whole day, leave both out.',
  },
  // Conditions
  'unknown-field': {
    meaning: 'A field does not exist.',
    remedy: 'Use a field of docs/rules.md. Everything that VoIPBIN sent is under data.',
  },
  'field-group': {
    meaning: 'A condition names a group of fields instead of one field.',
    remedy: 'Name one field of the group: peer.number.',
  },
  'unknown-operator': {
    meaning: 'An operator does not exist.',
    remedy: 'Use an operator of docs/rules.md.',
  },
  'operator-type': {
    meaning: 'An operator does not work with fields of this type.',
    remedy: 'Use one of the operators that the finding lists.',
  },
  list: {
    meaning: 'A field is compared with a text that starts with $.',
    remedy: 'To compare it with a list, write { in: $name }.',
  },
  'late-reply': {
    meaning:
      'A reply to a person stands behind a step that may fail or wait; or it is about the time of day, and its rule has no max_age.',
    remedy:
      'Move the reply up, or give the step before it on_error: continue and a short retry. Give the rule max_age: 15m.',
  },
  'unknown-map': {
    meaning: 'A map does not exist.',
    remedy: 'Correct the name, or define the map under maps.',
  },
  'unknown-list': {
    meaning: 'A list does not exist.',
    remedy: 'Correct the name, or define the list under lists.',
  },
  'unknown-window': {
    meaning: 'A window does not exist.',
    remedy: 'Correct the name, or define the window under windows.',
  },
  cel: {
    meaning: 'A condition under if is not a valid CEL expression, or is too long.',
    remedy: 'Correct it. In CEL, and is &&, or is ||, not is !, equals is ==.',
  },
  'cel-type': {
    meaning: 'A CEL expression combines values that do not fit together, or its result is neither true nor false.',
    remedy: 'Compare values of the same kind: numbers without quotes, texts in quotes, times with timestamp(…).',
  },
  'cel-function': {
    meaning: 'A CEL expression calls a function that does not exist.',
    remedy: 'Correct the name. CEL distinguishes upper and lower case.',
  },
  'cel-loop': {
    meaning: 'A CEL expression has a loop (all, exists, map, filter) inside another loop.',
    remedy: 'Use one loop, or put the second condition into when.',
  },
  // Steps
  'no-action': {
    meaning: 'A step has no action.',
    remedy: 'Add one of the actions of docs/actions.md.',
  },
  'two-actions': {
    meaning: 'A step has more than one action.',
    remedy: 'Start another step with a dash.',
  },
  'unknown-action': {
    meaning: 'An action does not exist.',
    remedy: 'Use an action of docs/actions.md.',
  },
  'unknown-input': {
    meaning: 'An action has no such input.',
    remedy: 'Use an input of docs/actions.md.',
  },
  input: {
    meaning: "An input is missing, or does not fit the action's schema.",
    remedy: 'Correct it as docs/actions.md describes.',
  },
  silence: {
    meaning: 'An alert on silence does not say how long it lasts, or `silence` is there without it.',
    remedy: 'Write `on: [silence]` together with `silence: { after: 2h }`.',
  },
  failing: {
    meaning: 'The time of an alert on a failing connection is too short, or is there without `on: connection_failing`.',
    remedy: 'Write `on: [connection_failing]` together with `failing: { after: 5m }`; at least 10s.',
  },
  'alert-action': {
    meaning: 'A step of an alert is about the caller or the recording of an event, and an alert has none.',
    remedy: 'Tell it with a post, a mail, a request, or a text with `to` and `from`.',
  },
  heartbeat: {
    meaning: 'The heartbeat has no address, or is called too often.',
    remedy: 'Give a URL and at least 10s.',
  },
  'duplicate-id': {
    meaning: 'Two steps of a rule have the same id.',
    remedy: 'Rename one of them.',
  },
  retry: {
    meaning:
      'The times of a retry do not fit together, or are too long or too short; or the step is one that is not repeated after some failures, however long its retry.',
    remedy:
      'Keep for below 31d, every at 100ms or more, and max_every at or above every. Give a POST an Idempotency-Key where the server knows it.',
  },
  // Templates
  template: {
    meaning: 'A text is not a valid Liquid template.',
    remedy: 'Correct the braces, quotes and filters at the place of the finding.',
  },
  'over-budget': {
    meaning: 'A template takes too many steps for every event, because of a loop in it.',
    remedy: 'Loop over a list of the event, or over fewer numbers.',
  },
  'unknown-filter': {
    meaning: 'A template uses a filter that does not exist.',
    remedy: 'Use a filter of docs/rules.md.',
  },
  'unknown-tag': {
    meaning: 'A template uses a tag that does not exist.',
    remedy: 'Use a tag of docs/rules.md.',
  },
  'unknown-variable': {
    meaning: 'A template or CEL expression uses a variable that does not exist.',
    remedy: 'Use a field of docs/rules.md, or steps.<id>.<field> of an earlier step.',
  },
  'variable-group': {
    meaning: 'A template inserts a group of fields instead of one field.',
    remedy: 'Insert one field of the group.',
  },
  'never-acts': {
    meaning: 'A step does nothing for any event that its rule matches.',
    remedy: 'Correct the event types or conditions, or name somebody else in the step.',
  },
  'missing-entry': {
    meaning: 'A rule looks for a key or item that the map or list of the rule file does not have.',
    remedy: 'Add it to the map or list, or correct it. Numbers are found in any format.',
  },
  'never-present': {
    meaning: "A template or a CEL expression uses a field that the rule's events never have.",
    remedy: 'Remove it, or correct the event types under on.',
  },
  'reference-inside': {
    meaning: 'A reference to a secret is inside {{ }} or {% %}, where it is not replaced.',
    remedy: 'Write it outside: Bearer ${env:NAME}.',
  },
  'may-be-absent': {
    meaning: 'A template uses a value that may be absent.',
    remedy: 'Add a default as the last filter, or require the value under when.',
  },
  // Tests
  event: {
    meaning: "A test's event has no type or no data.",
    remedy: 'Write { type: call_hangup, data: { … } }, the name of a JSON file, or the id of an archived event.',
  },
  path: {
    meaning: 'A test changes something that VoIPBIN does not send.',
    remedy: 'Start the path with data, or change type.',
  },
  'unknown-rule': {
    meaning: 'A test names a rule that does not exist.',
    remedy: 'Correct the name.',
  },
  'unknown-step': {
    meaning: 'A test names a step that its rule does not have.',
    remedy: 'Correct the name.',
  },
  // Warnings
  comment: {
    meaning:
      'A # after a space starts a comment, directly before a word: the rest of the line is not part of the value.',
    remedy: 'Put the value in quotes. In a comment, write a space after the #.',
  },
  'invisible-character': {
    meaning: 'A file contains a character that nobody sees, which copying from a web page or a chat may bring along.',
    remedy: 'Remove it, or type the text again.',
  },
  'literal-secret': {
    meaning: 'A rule contains a token or password. It is in the histories of runs, which many people may read.',
    remedy: 'Move it to the environment of the worker, and write ${env:NAME}. Then replace it at the service.',
  },
  'host-from-value': {
    meaning: 'A value is inserted into the host of a URL. Who can cause an event may decide where the request goes.',
    remedy: 'Write out the host in the rule, with a / after it, or look it up in a map of the rule file.',
  },
  'missing-secret': {
    meaning: 'A rule refers to a secret that is not on this machine, or that rules may not have.',
    remedy:
      'Set the variable or file on the machine of the worker, and add its name to BRIDGE_RULES_SECRETS. rules check asks the running bridge; where none runs, it sees the environment of its own shell only.',
  },
  'never-sent': {
    meaning: 'A rule is on an event type that VoIPBIN defines and never sends.',
    remedy: 'Use another type.',
  },
  'never-matches': {
    meaning: 'A rule can never match, because its conditions exclude each other.',
    remedy: 'Correct its conditions.',
  },
  'literal-text': {
    meaning: 'A field is compared with a text as it is written, although the text looks as if it meant something else.',
    remedy: 'Write it as the finding says. Templates work in steps only; two fields are compared under if.',
  },
  'constant-condition': {
    meaning: 'A CEL expression has the same result for every event.',
    remedy: 'Name a field in it, or remove it. To turn a rule off, write mode: off.',
  },
  shadowed: {
    meaning: 'A rule can never match, because an earlier rule with stop matches first.',
    remedy: 'Move the rule up, or remove stop from the earlier one.',
  },
  'number-country': {
    meaning:
      'A number without a country code is none of the country whose numbers are written so: it is read as another.',
    remedy: "Write it with its country code (+82…), or set the rule's country.",
  },
  'number-prefix': {
    meaning: 'A prefix of phone numbers has no country code, so it matches no number.',
    remedy: 'Write it in international form, without the leading 0.',
  },
  'text-on-everything': {
    meaning: 'A rule sends a text message for every event of its types.',
    remedy: 'Add conditions under when.',
  },
  'answers-itself': {
    meaning: 'A rule that sends text messages also matches the messages that the bridge sends.',
    remedy: 'Add direction: inbound under when.',
  },
  'no-cooldown': {
    meaning: 'A rule may send text messages to the same person without any pause.',
    remedy: 'Remove cooldown: 0, or add a cooldown under limits.',
  },
  'no-traffic': {
    meaning: 'No event of the types of a rule has been received in the period.',
    remedy: 'Check the event types under on.',
  },
  'field-not-seen': {
    meaning: 'A rule has a condition on a field that no event of its types had in the period.',
    remedy: 'Check the name of the field. bridge events show prints what VoIPBIN sends.',
  },
  // Settings
  'unknown-setting': {
    meaning: 'A setting does not exist.',
    remedy: 'Correct the name. config/bridge.yaml shows every setting.',
  },
  'unknown-connector': {
    meaning: 'A connector under connections does not exist.',
    remedy: 'Correct the name.',
  },
  setting: {
    meaning: 'The value of a setting is not valid.',
    remedy: 'Write a value as the finding describes, in the file or in the environment variable that it names.',
  },
  'missing-setting': {
    meaning: 'A setting is required and not set.',
    remedy: 'Set it in bridge.yaml or in its environment variable.',
  },
  'missing-credential': {
    meaning: 'Live rules use a connector whose credentials are not set. Production needs them.',
    remedy: 'Set the credentials, or set the mode of those rules to shadow or off.',
  },
  reference: {
    meaning: 'A reference such as ${env:NAME} or ${file:/path} cannot be resolved.',
    remedy: 'Set the variable, give a default, or correct the path and permissions of the file.',
  },
  'secret-in-file': {
    meaning: 'The settings file contains a token or password in clear text.',
    remedy: 'Put it in the environment and refer to it. Then replace it, because others may have read it.',
  },
  'short-secret': {
    meaning: 'A webhook secret has fewer than 16 characters. An error in production, a warning in development.',
    remedy:
      'Make a longer one. Commas in VOIPBIN_WEBHOOK_SECRET separate secrets: write one that contains a comma as an item of the list in bridge.yaml.',
  },
  'no-tls': {
    meaning:
      'The address of a service has no TLS, so its credential could be read on the way. An error in production, a warning in development.',
    remedy: 'Use https://, smtps:// or STARTTLS. In a private network, allow the host with BRIDGE_HTTP_ALLOW.',
  },
  'duplicate-port': {
    meaning: 'Two settings have the same port.',
    remedy: 'Give each its own port. 0 takes a free port.',
  },
} as const satisfies Readonly<Record<string, ErrorDescription>>;

/** The code of a finding: stable and machine-readable. */
export type FindingCode = keyof typeof FINDING_CODES;
