/** A key of a block in a rule file: the definition for the check, the editor's schema and the docs. */
export interface KeyDefinition {
  description: string;
  required?: true;
}

type Keys = Readonly<Record<string, KeyDefinition>>;

/** The top of a rule file. */
export const FILE_KEYS = {
  version: { required: true, description: 'The version of the rule language: 1.' },
  defaults: { description: 'Values for all rules that do not set their own.' },
  include: {
    description:
      'Further rule files, relative to this one; in the folder of the main file or below. Their rules come after those of the files that include them, in the order of the list: `stop` skips them, too.',
  },
  lists: {
    description:
      'Named lists: `vip: ["+15551234567"]`. Used as `{ in: $vip }`, in texts as `{{ lists.vip | join }}`, and in `if` as `peer.number in lists.vip`.',
  },
  maps: {
    description:
      'Named tables of a key and a value: `managers: { "+493012345678": anna@example.com }`. Used as `{{ ours.number | lookup: \'managers\' }}`, `{ lookup: { managers: … } }`, `{ in: $managers }`, and in `if` as `maps.managers[ours.number]`. Phone numbers are found in any format.',
  },
  windows: {
    description:
      'Named times of the week: `office: { days: mon-fri, from: "09:00", to: "18:00" }`. Used with `during`, in texts as `{{ windows.office.opens_at | date }}`, and in `if` as `windows.office.open`.',
  },
  rules: { description: 'The rules. All rules that match an event run, in parallel.' },
  alerts: { description: 'Which alerts are sent to whom when the bridge needs a person.' },
  heartbeat: { description: 'A call that says that the bridge runs, to a service that notices when it does not come.' },
  tests: { description: 'Sample events with the expected result, for `bridge rules test`.' },
} as const satisfies Keys;

export const DEFAULTS_KEYS = {
  timezone: {
    description: 'IANA time zone for windows, limits and dates in texts: `Asia/Seoul`. The default is UTC.',
  },
  country: {
    description: 'Two-letter country of phone numbers that have no country code: `KR`.',
  },
} as const satisfies Keys;

export const RULE_KEYS = {
  name: { required: true, description: 'A short name, shown in Temporal and in reports: `missed-sales-call`.' },
  description: { description: 'What the rule is for.' },
  owner: { description: 'The person or team that is responsible for the rule.' },
  on: {
    required: true,
    description: 'The event types of the rule: one, a list, or a family such as `call_*`. Both names of a type work.',
  },
  when: { description: 'Conditions on the event. All of them must be met.' },
  if: { description: 'One more condition, a CEL expression: `duration_s < 60 && talk_s > 5`. See Conditions in CEL.' },
  limits: { description: 'How often the rule may run its steps.' },
  max_age: {
    description:
      'The rule ignores events that are older than this when they arrive: `15m`. See [Events that come late](#events-that-come-late).',
  },
  timezone: { description: "The rule's own time zone." },
  country: { description: "The rule's own country for phone numbers." },
  do: { required: true, description: 'The steps, which run in this order.' },
  mode: { description: '`live` (the default); `shadow`: the steps are rendered and reported, not run; `off`.' },
  stop: {
    description: '`true`: when this rule matches, the rules below it are skipped, those of included files among them.',
  },
} as const satisfies Keys;

/** The keys of a step besides its action. */
export const STEP_KEYS = {
  id: { description: 'A name for the step, so that later steps can use its result: `{{ steps.call.contact.name }}`.' },
  if: {
    description:
      'A CEL condition on the event and on results of earlier steps. The step is skipped when it is not met.',
  },
  retry: { description: 'How long and how often the step is retried after a temporary failure.' },
  on_error: {
    description:
      'What happens when the step fails. `stop` (the default): the later steps are skipped. `continue`: they run.',
  },
} as const satisfies Keys;

export const RETRY_KEYS = {
  for: { description: 'The retry budget: `1h`. The default depends on the action (`docs/actions.md`).' },
  every: { description: 'The wait before the first retry: `1s`. It doubles with each retry.' },
  max_every: { description: 'The longest wait between two retries: `5m`.' },
} as const satisfies Keys;

export const LIMIT_KEYS = {
  cooldown: { description: 'At most one run in this time: `10m`, or `10m per peer.number`.' },
  max: { description: 'The most runs in a period: `200 per day`, `5 per hour per peer.number`.' },
} as const satisfies Keys;

export const WINDOW_KEYS = {
  days: { description: '`mon-fri`, `sat`, or a list. The default is every day.' },
  from: { description: 'The start, `"09:00"`. The default is midnight.' },
  to: { description: 'The end, `"18:00"`, not included. An end before the start is on the next day.' },
  except: { description: 'Dates on which the window does not start: `["2026-03-01"]` or `$holidays`.' },
  timezone: { description: "The window's own time zone." },
} as const satisfies Keys;

export const ALERT_KEYS = {
  name: { required: true, description: 'A short name: `ops`.' },
  on: { required: true, description: 'What is sent: one kind, or a list.' },
  quiet: {
    description:
      'An alert of things that happen is over when nothing more has happened for so long: `15m` (the default). Meanwhile they are counted.',
  },
  silence: { description: 'For `on: silence`: how long no event may come.' },
  failing: { description: 'For `on: connection_failing`: how long every attempt must have failed.' },
  do: {
    required: true,
    description:
      'Channels, as steps of a rule with the fields `alert.*`. The first is used; the next one when it fails.',
  },
} as const satisfies Keys;

export const FAILING_KEYS = {
  after: {
    required: true,
    description: 'How long every attempt must have failed: `5m` (the default), at least `10s`.',
  },
} as const satisfies Keys;

export const SILENCE_KEYS = {
  after: { required: true, description: 'How long no event may come: `2h`.' },
  during: { description: 'A window: only time in it counts. The default is always.' },
} as const satisfies Keys;

export const HEARTBEAT_KEYS = {
  url: {
    required: true,
    description:
      'The address that is called with GET: `https://…` or `${env:NAME}`. A private one must be in BRIDGE_HTTP_ALLOW.',
  },
  every: { description: 'How often: `1m` (the default), at least `10s`.' },
} as const satisfies Keys;

export const TEST_KEYS = {
  name: { required: true, description: 'What the test checks.' },
  event: {
    required: true,
    description:
      'A sample by its name (`call_hangup`; `bridge send list` lists them); a JSON file (`.json`) with an event, relative to this file; the id of an archived event; or the event itself.',
  },
  with: { description: 'Changes to the event, as dotted path and value. null removes the value.' },
  call: {
    description:
      'The call that the event names (a queue call, a recording), or the first or further leg of a call, as VoIPBIN has it: `{ direction: incoming, source: { type: tel, target: "+15551234567" } }`.',
  },
  steps: {
    description:
      'Results of steps for the steps after them, by step id: `{ task: { contact: { name: Ada } } }`. No step runs in a test.',
  },
  at: {
    description:
      'When the event happens: `2026-03-07 10:00`, in the zone of `defaults`, or with a zone of its own, `2026-03-07T10:00+09:00`. The default is the time in the event, or noon UTC on a Monday for an event without a time.',
  },
  expect: { required: true, description: 'The expected result.' },
} as const satisfies Keys;

export const EXPECT_KEYS = {
  rules: { description: 'The names of exactly the rules that match: `[a, b]`, `a`, or `[]` for none.' },
  includes: { description: 'Names of rules that match. Others may match, too.' },
  steps: {
    description:
      'The rendered inputs, by rule and step. Inputs that are not named are not compared; an input that is a map or list is compared as a whole. `due` may be written as in a rule, `2026-03-02 09:00`, in the zone of the rule.',
  },
  skipped: {
    description:
      'Why a step does nothing for the event, by rule and step: a word such as `opted_out` or `not_inbound` (`docs/actions.md`), or `if`.',
  },
  why_not: {
    description: 'Why a rule does not match, by rule: a field, or a word such as `during`, `if` or `max_age`.',
  },
} as const satisfies Keys;
