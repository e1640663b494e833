/** A key of a block in a rule file: what checking, the editor's schema and the docs say about it. */
export interface KeyDefinition {
  description: string;
  required?: true;
}

type Keys = Readonly<Record<string, KeyDefinition>>;

/** The top of a rule file. */
export const FILE_KEYS = {
  version: { required: true, description: 'The version of the rule language: 1.' },
  defaults: { description: 'What holds for all rules, unless a rule says otherwise.' },
  include: { description: 'More rule files, relative to this one.' },
  lists: { description: 'Named lists, used as `{ in: $name }`.' },
  windows: { description: 'Named times of the week, used with `during`.' },
  rules: { description: 'The rules. All that match run, side by side.' },
  tests: { description: 'Examples of events and of what the rules should make of them, for `bridge rules test`.' },
} as const satisfies Keys;

export const DEFAULTS_KEYS = {
  timezone: {
    description: 'IANA time zone for windows, days and dates in texts: `Asia/Seoul`. UTC when it is not set.',
  },
  country: {
    description: 'Two-letter country for reading phone numbers that are written without a country code: `KR`.',
  },
} as const satisfies Keys;

export const RULE_KEYS = {
  name: { required: true, description: 'A short name, shown in Temporal and reports: `missed-sales-call`.' },
  description: { description: 'What the rule is for.' },
  owner: { description: 'Whom to ask about it.' },
  on: {
    required: true,
    description: 'The event types it listens to, in either dialect; a list, or a family such as `call_*`.',
  },
  when: { description: 'What must hold for the event, all of it.' },
  if: { description: 'A further condition as a CEL expression: `duration_s < 60 && talk_s > 5`.' },
  limits: { description: 'How often it may act.' },
  max_age: { description: 'Leaves events alone that are older than this when they arrive: `15m`.' },
  timezone: { description: "The rule's own time zone." },
  country: { description: "The rule's own country for phone numbers." },
  do: { required: true, description: 'The steps, done in this order.' },
  mode: { description: '`live`; `shadow`: everything but the effect, recorded; `off`.' },
  stop: { description: '`true`: when this rule matches, the rules below it are not looked at.' },
} as const satisfies Keys;

/** Besides the action itself. */
export const STEP_KEYS = {
  id: { description: 'A name for the step, so that later steps can use its result: `{{ steps.call.contact.name }}`.' },
  if: { description: 'A CEL condition on the event and earlier steps; the step is skipped when it does not hold.' },
  retry: { description: 'How long and how often it is tried again when it fails in passing.' },
  on_error: {
    description: '`stop` (the default): the steps after it are not done when it fails; `continue`: they are.',
  },
} as const satisfies Keys;

export const RETRY_KEYS = {
  for: { description: 'The whole time: `1h`. The default is the one of the action.' },
  every: { description: 'The first wait, doubled every time: `1s`.' },
  max_every: { description: 'The longest wait: `5m`.' },
} as const satisfies Keys;

export const LIMIT_KEYS = {
  cooldown: { description: 'At most once in this time: `10m`, or `10m per peer.number`.' },
  max: { description: 'At most this often: `200 per day`, `5 per hour per peer.number`.' },
} as const satisfies Keys;

export const WINDOW_KEYS = {
  days: { description: '`mon-fri`, `sat`, or a list. Every day when it is not set.' },
  from: { description: 'Begin, `"09:00"`. Midnight when it is not set.' },
  to: { description: 'End, `"18:00"`, not included; earlier than the begin means over midnight.' },
  except: { description: 'Dates on which it does not begin: `["2026-03-01"]` or `$holidays`.' },
  timezone: { description: "The window's own time zone." },
} as const satisfies Keys;

export const TEST_KEYS = {
  name: { required: true, description: 'What the test shows.' },
  event: {
    required: true,
    description:
      'A file with an event (`.json`), relative to this one; the id of an event in the archive; or the event itself.',
  },
  with: { description: 'Changes to the event: dotted path to value; null removes.' },
  at: {
    description:
      'When it happens, instead of when the event says: `2026-03-07T10:00+09:00`. An event without times happens at noon UTC on a Monday.',
  },
  expect: { required: true, description: 'What the rules should make of it.' },
} as const satisfies Keys;

export const EXPECT_KEYS = {
  rules: { description: 'The names of the rules that match, and no others.' },
  steps: { description: 'By rule, by step: inputs as rendered.' },
  why_not: { description: 'By rule: the field, `during`, or word that keeps it from matching.' },
} as const satisfies Keys;
