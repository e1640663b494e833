import type { Command } from 'commander';
import { OperationFailed } from '../errors/operator-errors';
import { toJsonText } from '../events/exact-number';
import type { JsonObject } from '../events/json';
import { eventsNamed } from '../inbox/archive/events-named';
import { InboxReader } from '../inbox/archive/reader';
import type { Quarantined } from '../inbox/stored-event';
import type { CanonicalEvent, Party } from '../events/canonical-event';
import { findEvent, type EventDetails } from '../status/event-details';
import type { HeldBy } from '../status/held-by';
import type { RuleSoFar } from '../status/rules-so-far';
import { withoutSecrets } from '../rules/language/hide-secrets';
import { asRead, shownInput, type ShownTimes } from '../rules/tools/format-explanation';
import { indented, printableLines } from '../text/printable';
import { printResult } from './print';
import { readSettingsWithoutSecrets } from './read-settings';
import type { StepReport } from '../runs/run-contract';
import { timesIn } from './shown-times';
import { shownTime, withTimezone, zoneLines, zoneOf } from './since';

interface Options {
  body?: true;
  timezone?: string;
  json?: true;
}

/** `bridge events show`: what one event says, and what was done for it. */
export function defineShowEvent(show: Command): void {
  withTimezone(show)
    .description('show one event: its data, the rules that matched, the result of each step')
    .argument('<id>', 'the event id that the bridge answered with (or an id from --quarantine)')
    .option('--body', 'print the body as received, too')
    .option('--json', 'print JSON')
    .action(showEvent);
}

async function showEvent(id: string, options: Options, command: Command): Promise<void> {
  const settings = readSettingsWithoutSecrets(command);
  const found = await findEvent(settings, id, { askClosedRuns: true });
  if (found === null) {
    throw new OperationFailed(`no event ${id} in this data folder; ${otherEvents(settings.dataDir, id)}`);
  }
  const zone = await zoneOf(options, settings);
  if (found.kind === 'quarantined') {
    showQuarantined(found.quarantined, options, zone);
    return;
  }
  const body = options.body === true ? describeBody(found.body) : [];
  const shown = {
    ...found.details,
    inputs: found.details.inputs.map((sent) => ({ ...sent, input: withoutSecrets(sent.input) })),
  };
  printResult(options.json, shown, () => printableLines([...describeEvent(found.details, zone), ...body]));
}

function otherEvents(dataDir: string, id: string): string {
  const reader = InboxReader.open(dataDir);
  try {
    const meant = eventsNamed(reader, id);
    return meant.length === 0 ? 'bridge events list shows the latest' : `did you mean ${meant.join(', ')}?`;
  } finally {
    reader.close();
  }
}

function showQuarantined({ body, ...rest }: Quarantined, options: Options, zone: string): void {
  const text = options.body === true ? { body: body.toString() } : {};
  printResult(options.json, { ...rest, ...text }, () =>
    printableLines([
      `${rest.id}: in quarantine, it is not an event`,
      `  reason    ${rest.reason}`,
      `  received  ${shownTime(rest.received_at, zone)} (${rest.times}x), ${rest.bytes} bytes`,
      ...zoneLines(zone),
      ...(options.body === true ? describeBody(body) : []),
    ]),
  );
}

/** A body below the rest, indented: it could look like the rest. */
function describeBody(body: Buffer): string[] {
  return ['  body', ...indented(body.toString(), '    ')];
}

function describeEvent(details: EventDetails, zone: string): string[] {
  const time = (at: string): string => shownTime(at, zone);
  const { event } = details;
  const declared = event.declared_type === event.type ? '' : ` (sent as ${event.declared_type})`;
  const ruleset = details.ruleset ?? 'unknown';
  return [
    `${event.event_id}: ${details.status}`,
    `  type      ${event.type}${declared}`,
    `  occurred  ${time(event.occurred_at)}`,
    `  received  ${time(event.received_at)}`,
    `  rules     ${details.rules.length === 0 ? 'none matched' : details.rules.join(', ')} (rule set ${ruleset})`,
    ...describeFields(event),
    ...details.calls_not_found.map((id) => `  not found ${notFoundText(id)}`),
    ...(details.forgotten ? ['  content   removed (bridge forget)'] : []),
    ...(details.left_out.length === 0
      ? []
      : [`  left out  ${details.left_out.join(', ')} (too large for Temporal: a step that reads it fails)`]),
    ...describeBatch(details.batch),
    ...describeRuns(details, time),
    ...describeReport(details, timesIn(zone)),
    ...details.held_back.map(
      ({ rule, step, action }) => `  ${rule}: ${step} (${action}) not done: a step before it failed`,
    ),
    ...details.held_by.map((held) => heldLine(held, time)),
    ...(details.worker_missing
      ? [
          '  no worker has polled Temporal in the last minutes; the run continues when one does (bridge start, or with --mode worker)',
        ]
      : []),
    ...details.pending.map(
      ({ action, attempt, problem }) =>
        `  ${action}: attempt ${attempt}${problem === null ? '' : `, last failure: ${problem}`}`,
    ),
    ...details.parked.map(
      ({ rule, step, connection, code }) =>
        `  ${rule}, ${step}: waits because ${connection} is parked (${code}); see bridge connections list`,
    ),
    ...zoneLines(zone),
  ];
}

/** The batch that an event was started in; of others there is nothing to say. */
function describeBatch(batch: EventDetails['batch']): string[] {
  return batch === null
    ? []
    : [
        `  batch     in ${batch.id}, with ${batch.others} others${batch.own_run ? '; it went on in a run of its own' : ''}`,
        ...(batch.link === null ? [] : [`            ${batch.link}`]),
      ];
}

/** That a run looked up a call in vain. */
export function notFoundText(id: string): string {
  return `VoIPBIN has no call ${id}: the rules took what they read of it as absent`;
}

/** How far a rule of an open run is. */
export function soFarText({ has_ended: hasEnded }: RuleSoFar): string {
  return hasEnded ? 'its steps have ended; the run goes on with other rules' : 'under way';
}

/** What a rule of the bridge's own does, in brackets; nothing for a rule of the files. */
export function ownRuleText(rule: string): string {
  switch (rule) {
    case '(opt-out)':
      return ' (the bridge records that the sender asks for no more texts)';
    case '(opt-in)':
      return ' (the bridge records that the sender asks for texts again)';
    default:
      return '';
  }
}

/** Who used a cooldown up. @param shown how times are printed. */
export function heldLine(
  { rule, step, event_id: by, acted_at: at, until }: HeldBy,
  shown: (time: string) => string,
): string {
  return `  ${rule}${step === null ? '' : `: ${step}`}: held back by the cooldown: ${by} was answered at ${shown(at)}, so until about ${shown(until)}`;
}

const LONGEST_FIELD = 200;

/** What the event says, in the fields that rules use. Those that it does not have are left out. */
function describeFields({ peer, ours, agent, call, ...event }: CanonicalEvent): string[] {
  const party = (one: Party | null | undefined): string | null =>
    one === null || one === undefined ? null : [one.number, one.name].filter((part) => part !== null).join(', ');
  const fields = {
    direction: event.direction,
    peer: party(peer),
    ours: party(ours),
    answered: event.answered,
    picked_up: event.picked_up,
    ring_s: event.ring_s,
    talk_s: event.talk_s,
    duration_s: event.duration_s,
    hangup_by: event.hangup_by,
    reason: event.reason,
    status: event.status,
    text: event.text === null ? null : event.text.slice(0, LONGEST_FIELD),
    leg: event.leg,
    agent: agent?.name ?? agent?.id,
    call_id: event.call_id,
    'call.direction': call?.direction,
    'call.peer': party(call?.peer),
    'call.ours': party(call?.ours),
    'call.answered': call?.answered,
  };
  return Object.entries(fields).flatMap(([name, value]) =>
    value === null || value === undefined ? [] : [`    ${name}: ${String(value)}`],
  );
}

/** The runs of an event that was retried; of others there is nothing to say. */
function describeRuns({ runs }: EventDetails, time: (at: string) => string): string[] {
  return runs.length < 2 && runs.every(({ kind }) => kind === 'first')
    ? []
    : runs.map(({ run, kind, job, started_at, outcome, refused }) =>
        refused === null
          ? `  run       ${run}: ${kind}, ${outcome ?? 'open'}, started ${started_at === null ? 'not yet' : time(started_at)}${job === null ? '' : ` by job ${job}`}`
          : `  run       ${run}: ${kind}, not started: ${refused} (job ${job ?? ''})`,
      );
}

/** The result of a step. Nothing where it has none, or none is kept: runs that failed report none. */
function resultLine(result: JsonObject): string[] {
  return Object.keys(result).length === 0 ? [] : [`      ${toJsonText(result)}`];
}

const VERBS = { done: 'sent', failed: 'tried', skipped: 'would send' } as const;

/** What a step sent, tried to send or, in mode shadow, would have sent, one line an input; or why that is not known. */
function inputLines(
  { inputs, inputs_not_shown: hidden }: EventDetails,
  { rule, step: { step, action }, times }: { rule: string; step: StepReport; times: ShownTimes },
): string[] {
  const isMeant = (one: { rule: string; step: string }): boolean => one.rule === rule && one.step === step;
  const shown = inputs.find(isMeant);
  const verb = VERBS[shown?.outcome ?? 'done'];
  const why = hidden.find(isMeant)?.reason;
  return [
    ...Object.entries(withoutSecrets(shown?.input ?? {})).flatMap(([name, value]) => {
      const [first = '', ...rest] = shownInput(action, name, value, times).split('\n');
      return [
        `      ${verb} ${name}: ${first}${asRead(shown?.read_as, name)}`,
        ...rest.map((line) => `        ${line}`),
      ];
    }),
    ...(why === undefined ? [] : [`      inputs not shown: ${why}`]),
  ];
}

function describeReport(details: EventDetails, times: ShownTimes): string[] {
  const isOpen = (details.runs.findLast(({ refused }) => refused === null)?.closed_at ?? null) === null;
  const soFar = (details.so_far ?? []).map((rule) => ({ ...rule, became: isOpen ? soFarText(rule) : 'cut off' }));
  const ended = (details.report?.rules ?? []).map(({ rule, steps, outcome, reason }) => ({
    rule,
    steps,
    under_way: [],
    became: `${outcome}${reason === undefined ? '' : `: ${reason}`}`,
  }));
  return [...soFar, ...ended].flatMap(({ rule, steps, under_way: begun, became }) => [
    `  ${rule}${ownRuleText(rule)}: ${became}`,
    ...steps.flatMap((step) => {
      const head = `    ${step.step} (${step.action}) ${step.outcome}`;
      switch (step.outcome) {
        case 'done':
          return [head, ...inputLines(details, { rule, step, times }), ...resultLine(step.result)];
        case 'skipped':
          return [`${head}: ${step.reason}`, ...inputLines(details, { rule, step, times })];
        case 'failed':
          return [
            `${head}: ${step.class} ${step.code}: ${step.message}`,
            ...(step.remedy === null ? [] : [`      what to do: ${step.remedy}`]),
            ...inputLines(details, { rule, step, times }),
          ];
      }
    }),
    ...begun.map((step) => `    ${step} ${isOpen ? 'under way' : 'cut off: it may have happened'}`),
  ]);
}
