import type { Command } from 'commander';
import { actionCatalogue } from '../connectors/registry';
import { WrongUse } from '../errors/operator-errors';
import { InboxReader } from '../inbox/archive/reader';
import { withoutSecrets } from '../rules/language/hide-secrets';
import { conditionLines, type ShownTimes } from '../rules/tools/format-explanation';
import { explain, withoutTokens, type Explanation } from '../rules/tools/explain';
import type { StepReport } from '../runs/run-contract';
import { readRules } from '../service/rules-in-force';
import type { Settings } from '../settings/settings';
import { findEvent, type EventDetails } from '../status/event-details';
import { listEvents } from '../status/event-list';
import { readingsOf, wholeNumberFilter } from '../status/number-filter';
import { indented, printableLines } from '../text/printable';
import { countriesOf } from './country';
import { printResult } from './print';
import { readSettingsWithoutSecrets } from './read-settings';
import { askRunningBridge } from './running-bridge';
import { heldLine, notFoundText, ownRuleText, soFarText } from './show-event';
import { timesIn } from './shown-times';
import { parseTime, shownTime, TIME_FORMS, withTimezone, zoneLines, zoneOf } from './since';

/** People's clocks, and how long a call lasts: events within this time of `--at` are meant. */
const AROUND_MS = 15 * 60_000;
const WITHOUT_TIME_MS = 24 * 3_600_000;
const TEXT_ACTION = 'voipbin.send_message';
const MOST_EVENTS = 10;
const MOST_RULES = 5;
const QUARANTINED = 200;

interface Options {
  at?: string;
  timezone?: string;
  json?: true;
}

/** What is known of what a person did. The names are the JSON keys of `why --json`. */
interface Answer {
  number: string;
  /** The number in E.164; several where it was written without a country code and may be of several countries. */
  read_as: readonly string[];
  since: string;
  until: string;
  /**
   * Oldest first. `rules_now`: why the rules of the rule file as it is now act or not; of an event that rules wanted, only
   * the others that send texts.
   */
  events: { details: EventDetails; rules_now: Explanation['rules'] }[];
  /** Whether the rule file has errors, so that `rules_now` is empty; null when it was not read. */
  rule_file_refused: boolean | null;
  /** Requests that came in that time and are no events. */
  quarantined: number;
  /** Requests that the running bridge refused for their signature since it started; null when it does not answer. */
  refused_signatures: number | null;
}

/** `bridge why`: why a person who called or texted got no answer. */
export function defineWhy(why: Command): void {
  withTimezone(why)
    .argument('<number>', "the person's phone number, in any format")
    .option('--at <time>', `about when they called or texted: ${TIME_FORMS} (default: the last 24 hours)`)
    .option('--json', 'print JSON')
    .action(print);
}

async function print(number: string, options: Options, command: Command): Promise<void> {
  const settings = readSettingsWithoutSecrets(command);
  const countries = await countriesOf(settings);
  const readings = readingsOf(number, countries);
  if (readings.length === 0) {
    throw new WrongUse(
      `"${number}" is not a whole phone number: write it with its country code, or set the country in the rule file's defaults, or BRIDGE_COUNTRY`,
    );
  }
  const zone = await zoneOf(options, settings);
  const now = new Date();
  const at = options.at === undefined ? null : parseTime(options.at, '--at', now, zone, AROUND_MS);
  const since = new Date(at === null ? now.getTime() - WITHOUT_TIME_MS : at.getTime() - AROUND_MS);
  const until = new Date(at === null ? now.getTime() : Math.min(at.getTime() + AROUND_MS, now.getTime()));
  const answer = await find(settings, { number, readings, countries }, since, until);
  printResult(options.json, answer, () => printableLines([...linesOf(answer, zone), ...zoneLines(zone)]));
}

/** A number as it was written, and what it may be in E.164. */
interface WrittenNumber {
  number: string;
  readings: readonly string[];
  countries: readonly string[];
}

async function find(
  settings: Settings,
  { number, readings, countries }: WrittenNumber,
  since: Date,
  until: Date,
): Promise<Answer> {
  const filter = wholeNumberFilter(readings, countries);
  const listed = listEvents(settings.dataDir, { number: filter, since, until, limit: MOST_EVENTS }).reverse();
  const loaded = listed.length === 0 ? null : readRules(settings.rulesFile);
  const events: Answer['events'] = [];
  for (const { event_id: id } of listed) {
    const found = await findEvent(settings, id, { askClosedRuns: false });
    if (found?.kind === 'event') {
      const { details } = found;
      const explanation =
        loaded?.ok === true && !details.forgotten
          ? withoutTokens(explain(loaded.ruleSet, details.event, { actions: actionCatalogue })).rules
          : [];
      const texting = new Set(
        loaded?.ok === true ? loaded.ruleSet.rules.filter(sendsText).map(({ name }) => name) : [],
      );
      const others = explanation.filter(({ rule }) => texting.has(rule) && !details.rules.includes(rule));
      events.push({ details, rules_now: details.rules.length === 0 ? explanation : others });
    }
  }
  return {
    number,
    read_as: readings,
    since: since.toISOString(),
    until: until.toISOString(),
    events,
    rule_file_refused: loaded === null ? null : !loaded.ok,
    quarantined: quarantinedBetween(settings.dataDir, since, until),
    refused_signatures: await refusedSignatures(settings.dataDir),
  };
}

function sendsText({ steps }: { steps: readonly { action: string }[] }): boolean {
  return steps.some(({ action }) => action === TEXT_ACTION);
}

function quarantinedBetween(dataDir: string, since: Date, until: Date): number {
  const reader = InboxReader.open(dataDir);
  try {
    return reader
      .listQuarantine({ limit: QUARANTINED })
      .filter(({ received_at }) => received_at >= since.toISOString() && received_at < until.toISOString()).length;
  } finally {
    reader.close();
  }
}

async function refusedSignatures(dataDir: string): Promise<number | null> {
  const metrics = await askRunningBridge(dataDir, '/metrics');
  if (metrics === null) {
    return null;
  }
  const refused = /^bridge_requests_refused_total\{reason="signature"\} (\d+)$/m.exec(metrics)?.[1];
  return Number(refused ?? 0);
}

function linesOf(
  {
    number,
    read_as: readings,
    since,
    until,
    events,
    rule_file_refused,
    quarantined,
    refused_signatures: refused,
  }: Answer,
  zone: string,
): string[] {
  const time = (at: string): string => shownTime(at, zone);
  if (events.length > 0) {
    return events.flatMap(({ details, rules_now: rules }, index) => [
      ...(index === 0 ? [] : ['']),
      `${time(details.event.received_at)}  ${details.event.event_id} came: ${details.status}${readings.length > 1 ? ` (${partyOf(details.event)})` : ''}`,
      ...whyOf(details, rule_file_refused === true ? null : rules, timesIn(zone)),
    ]);
  }
  return [
    `Nothing came from or for ${number} between ${time(since)} and ${time(until)}.`,
    ...readAs(number, readings),
    ...(quarantined === 0
      ? []
      : [`  ${quarantined} requests of that time were no events: bridge events list --quarantine`]),
    ...(refused === null
      ? ['  The bridge does not answer, so it is not known whether it refused requests. Is it running?']
      : refused === 0
        ? ['  The bridge has refused no request for its signature since it started.']
        : [
            `  The bridge has refused ${refused} requests for their signature since it started: the webhook secret may be wrong (bridge webhook status)`,
          ]),
    '  what to do: bridge webhook status shows whether VoIPBIN sends events; bridge backfill --since 2h --dry-run asks VoIPBIN for what is missing. Was it another number or time? bridge events list --number shows all.',
  ];
}

/** What a number without its country code was read as, and how to name another. */
function readAs(number: string, readings: readonly string[]): string[] {
  return number.trim().startsWith('+')
    ? []
    : [
        `  It was read as ${readings.join(' or ')}. If it is of another country, write it with a + and its country code.`,
      ];
}

function partyOf({ peer, call }: EventDetails['event']): string {
  return peer?.number ?? call?.peer?.number ?? 'no number';
}

function whyOf(details: EventDetails, rules: Explanation['rules'] | null, times: ShownTimes): string[] {
  const { event, status, report } = details;
  const id = event.event_id;
  if (details.forgotten) {
    return ['  Its content was removed (bridge forget), so the rules cannot be explained.'];
  }
  if (details.rules.length === 0) {
    return noRule(details, rules, times);
  }
  if (status === 'waiting') {
    return [
      `  ${details.rules.join(', ')} matched, but its run has not started: Temporal or the worker may be away`,
      '  what to do: look at /readyz, or bridge events list --status waiting; it starts by itself',
    ];
  }
  const parked = details.parked.map(
    ({ rule, step, connection, code }) =>
      `  ${rule}: ${step} waits: ${connection} is parked (${code}). what to do: bridge connections list`,
  );
  const retried = details.pending.map(
    ({ action, attempt, problem }) =>
      `  ${action} is tried again (attempt ${attempt})${problem === null ? '' : `: ${problem}`}`,
  );
  const shown = [
    ...(details.so_far ?? []).map((rule) => ({ ...rule, how: soFarText(rule) })),
    ...(report?.rules ?? []).map(({ rule, outcome, reason, steps }) => ({
      rule,
      how: `${outcome}${reason === undefined ? '' : `: ${reason}`}`,
      steps,
    })),
  ];
  const ended = shown.flatMap(({ rule, how, steps }) => [
    `  ${rule}${ownRuleText(rule)}: ${how}`,
    ...steps.flatMap((step) => {
      const head = `    ${step.step} (${step.action})`;
      switch (step.outcome) {
        case 'done':
          return [`${head}: done`, ...textLines(details, rule, step.step)];
        case 'skipped':
          return [`${head}: not done: ${REASONS[step.reason] ?? step.reason}`];
        case 'failed':
          return [
            `${head}: failed: ${step.message} (${step.code})`,
            ...(step.remedy === null ? [] : [`      what to do: ${step.remedy}`]),
            ...(report === null ? [] : [`      then: ${retryCommand(id, rule, step)}`]),
          ];
      }
    }),
  ]);
  const others = closest(rules ?? [], times);
  return [
    ...(report === null ? [`  ${details.rules.join(', ')} matched`] : []),
    ...details.calls_not_found.map((call) => `  ${notFoundText(call)}`),
    ...parked,
    ...retried,
    ...ended,
    ...details.held_back.map(
      ({ rule, step, action }) => `  ${rule}: ${step} (${action}) not done: a step before it failed`,
    ),
    ...details.held_by.map((held) => heldLine(held, times.shown)),
    ...(details.worker_missing ? ['  no worker runs. what to do: start one; the run continues then'] : []),
    ...(others.length === 0 ? [] : ['  Other rules that send texts, by the rule file as it is now:', ...others]),
  ];
}

type FailedStepReport = Extract<StepReport, { outcome: 'failed' }>;

function retryCommand(eventId: string, rule: string, { step, action, class: errorClass }: FailedStepReport): string {
  const ambiguous = errorClass === 'ambiguous' ? ` --ambiguous ${rule}/${step}` : '';
  const late = action === TEXT_ACTION ? ' (a text that would come too late by now: also --late)' : '';
  return `bridge events retry ${eventId}${ambiguous}${late}`;
}

/** The text that a step sent; nothing where that is not known. */
function textLines({ inputs }: EventDetails, rule: string, step: string): string[] {
  const input = inputs.find((one) => one.rule === rule && one.step === step)?.input;
  const text = input === undefined ? undefined : withoutSecrets(input)['text'];
  return typeof text === 'string' ? ['      text:', ...indented(text, '        ')] : [];
}

/** @param rules null: the rule file has errors. */
function noRule({ event, ruleset }: EventDetails, rules: Explanation['rules'] | null, times: ShownTimes): string[] {
  const close = closest(rules ?? [], times);
  return [
    `  No rule wanted it when it came (rule set ${ruleset ?? 'unknown'}).`,
    ...(rules === null
      ? ['  The rule file has errors, so it cannot say what the rules would do now: bridge rules check']
      : close.length === 0
        ? ['  No rule of the rule file listens to such events.']
        : ['  By the rule file as it is now:', ...close]),
    `  what to do: if a rule should have taken it, correct the rule, then bridge events rerun ${event.event_id}`,
  ];
}

/** The rules that listen to such events, those with the fewest unmet conditions first, and what they miss. */
function closest(rules: Explanation['rules'], times: ShownTimes): string[] {
  return rules
    .filter(({ outcome }) => outcome !== 'other_type')
    .slice(0, MOST_RULES)
    .flatMap(({ rule, why, conditions }) => [
      `    ${rule}: ${why}`,
      ...conditions.filter(({ met }) => !met).flatMap((condition) => conditionLines(condition, '      ', times)),
    ]);
}

/** What the words of `skipped` mean for the person who waits. docs/actions.md has them for the rules' author. */
const REASONS: Readonly<Record<string, string>> = {
  cooldown: 'the person got a text from that number shortly before (cooldown)',
  already_answered: 'the same message was answered already, by its twin event or another run (already_answered)',
  already_confirmed: 'the opt-out was confirmed already (already_confirmed)',
  opted_out: 'the person asked for no more texts (STOP) and gets none until START (opted_out)',
  no_opt_out: 'the text is for those who write STOP only (no_opt_out)',
  not_inbound: 'the message was not from a person outside; answering it would answer ourselves (not_inbound)',
  call_not_inbound: 'the call did not come in from outside (call_not_inbound)',
  own_number: 'the number is one of our own (own_number)',
  not_a_phone: 'the sender is not a phone: a short code, a name, a web chat (not_a_phone)',
  withheld: 'the person withheld their number (withheld)',
  other_channel: 'a text cannot answer this channel (other_channel)',
  reaction: 'it was a tap on a message, not a text (reaction)',
  automatic: 'a machine wrote it, such as an absence note (automatic)',
};
