import { Option, type Command } from 'commander';
import { OperationFailed, WrongUse } from '../errors/operator-errors';
import { typesFor } from '../events/catalogue';
import { toJsonText } from '../events/exact-number';
import { InboxReader } from '../inbox/archive/reader';
import type { Quarantined } from '../inbox/stored-event';
import { findEvent, type EventDetails } from '../status/event-details';
import { listEvents } from '../status/event-list';
import { EVENT_STATUSES } from '../status/event-status';
import { indented, printableLines } from '../text/printable';
import { printResult } from './print';
import { readSettings } from './read-settings';
import { defineAccept } from './accept';
import { defineRetry } from './retry';
import { parseSince } from './since';

const MOST_ROWS = 1_000;

interface ListOptions {
  limit: string;
  type?: string;
  since?: string;
  status?: string;
  /** The former name of `status`. */
  became?: string;
  quarantine?: true;
  json?: true;
}

interface ShowOptions {
  body?: true;
  json?: true;
}

/** `bridge events`: the events that came, and their status. */
export function defineEvents(events: Command): void {
  events
    .command('list')
    .description('list the latest events')
    .option('--limit <n>', 'how many', '20')
    .option('--type <type>', 'only this type (in either dialect)')
    .option('--since <time>', 'only events that came since then: 2h, 3d, or a time such as 2026-03-02T01:00:00Z')
    .option('--status <statuses>', 'only events with this status, or one of several: failed,partial')
    .addOption(new Option('--became <statuses>', 'the former name of --status').hideHelp())
    .option('--quarantine', 'list the bodies that are not events')
    .option('--json', 'print JSON')
    .action(list);
  events
    .command('show')
    .description('show one event: its data, the rules that matched, the result of each step')
    .argument('<id>', 'the event id that the bridge answered with (or an id from --quarantine)')
    .option('--body', 'print the body as received, too')
    .option('--json', 'print JSON')
    .action(show);
  defineRetry(events);
  defineAccept(events);
}

function list(options: ListOptions, command: Command): void {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_ROWS) {
    throw new WrongUse(`--limit expects a number from 1 to ${MOST_ROWS}`);
  }
  const { dataDir } = readSettings(command);
  const status = options.status ?? options.became;
  const isFiltered = options.type !== undefined || options.since !== undefined || status !== undefined;
  if (options.quarantine === true) {
    if (isFiltered) {
      throw new WrongUse(
        '--quarantine lists bodies that are not events: they have no type and no status. Use it with --limit and --json only',
      );
    }
    listQuarantine(dataDir, limit, options.json);
    return;
  }
  const types = options.type === undefined ? null : typesFor(options.type);
  if (options.type !== undefined && types === null) {
    throw new WrongUse(`unknown event type "${options.type}"`);
  }
  // One more than asked for shows whether there are more.
  const found = listEvents(dataDir, {
    limit: limit + 1,
    ...(types === null ? {} : { types }),
    ...(options.since === undefined ? {} : { since: parseSince(options.since, new Date()) }),
    ...(status === undefined ? {} : { statuses: parseStatuses(status) }),
  });
  const events = found.slice(0, limit);
  const lines = events.map((event) => `${event.received_at}  ${event.became.padEnd(9)}  ${event.event_id}`);
  if (found.length > limit) {
    lines.push(`These are the latest ${limit}; there are more (--limit, up to ${MOST_ROWS}).`);
  }
  const none = isFiltered ? 'There are no such events.' : 'No event has come yet.';
  printResult(options.json, events, () => printableLines(lines.length === 0 ? [none] : lines));
}

/** @throws WrongUse for an unknown status. */
function parseStatuses(text: string): ReadonlySet<string> {
  const known: readonly string[] = EVENT_STATUSES;
  const statuses = text.split(',').map((status) => status.trim());
  const unknown = statuses.filter((status) => !known.includes(status));
  if (unknown.length > 0) {
    throw new WrongUse(
      `--status expects one or more of ${known.join(', ')}, separated by commas; got "${unknown.join(', ')}"`,
    );
  }
  return new Set(statuses);
}

function listQuarantine(dataDir: string, limit: number, asJson: true | undefined): void {
  const reader = InboxReader.open(dataDir);
  try {
    const rows = reader.listQuarantine({ limit });
    const lines = rows.map(
      ({ received_at, id, bytes, times, reason }) => `${received_at}  ${id}  ${bytes} bytes, ${times}x  ${reason}`,
    );
    printResult(asJson, rows, () => printableLines(lines.length === 0 ? ['The quarantine is empty.'] : lines));
  } finally {
    reader.close();
  }
}

async function show(id: string, options: ShowOptions, command: Command): Promise<void> {
  const found = await findEvent(readSettings(command), id);
  if (found === null) {
    throw new OperationFailed(`no event ${id} in this data folder; bridge events list shows the latest`);
  }
  if (found.kind === 'quarantined') {
    showQuarantined(found.quarantined, options);
    return;
  }
  const body = options.body === true ? describeBody(found.body) : [];
  printResult(options.json, found.details, () => printableLines([...describeEvent(found.details), ...body]));
}

function showQuarantined({ body, ...rest }: Quarantined, options: ShowOptions): void {
  const text = options.body === true ? { body: body.toString() } : {};
  printResult(options.json, { ...rest, ...text }, () =>
    printableLines([
      `${rest.id}: in quarantine, it is not an event`,
      `  reason    ${rest.reason}`,
      `  received  ${rest.received_at} (${rest.times}x), ${rest.bytes} bytes`,
      ...(options.body === true ? describeBody(body) : []),
    ]),
  );
}

/** A body below the rest, indented: it could look like the rest. */
function describeBody(body: Buffer): string[] {
  return ['  body', ...indented(body.toString(), '    ')];
}

function describeEvent(details: EventDetails): string[] {
  const { event } = details;
  const declared = event.declared_type === event.type ? '' : ` (sent as ${event.declared_type})`;
  const ruleset = details.ruleset ?? 'unknown';
  return [
    `${event.event_id}: ${details.became}`,
    `  type      ${event.type}${declared}`,
    `  occurred  ${event.occurred_at}`,
    `  received  ${event.received_at}`,
    `  rules     ${details.rules.length === 0 ? 'none matched' : details.rules.join(', ')} (rule set ${ruleset})`,
    ...(details.left_out.length === 0
      ? []
      : [`  left out  ${details.left_out.join(', ')} (too large for Temporal: a step that reads it fails)`]),
    ...describeRuns(details),
    ...describeReport(details.report),
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
  ];
}

/** The runs of an event that was retried; of others there is nothing to say. */
function describeRuns({ runs }: EventDetails): string[] {
  return runs.length < 2 && runs.every(({ kind }) => kind === 'first')
    ? []
    : runs.map(({ run, kind, job, started_at, outcome, refused }) =>
        refused === null
          ? `  run       ${run}: ${kind}, ${outcome ?? 'open'}, started ${started_at ?? 'not yet'}${job === null ? '' : ` by job ${job}`}`
          : `  run       ${run}: ${kind}, not started: ${refused} (job ${job ?? ''})`,
      );
}

function describeReport(report: EventDetails['report']): string[] {
  return (report?.rules ?? []).flatMap((rule) => [
    `  ${rule.rule}: ${rule.outcome}${rule.reason === undefined ? '' : `: ${rule.reason}`}`,
    ...rule.steps.flatMap((step) => {
      const head = `    ${step.step} (${step.action}) ${step.outcome}`;
      switch (step.outcome) {
        case 'done':
          return [head, `      ${toJsonText(step.result)}`];
        case 'skipped':
          return [`${head}: ${step.reason}`];
        case 'failed':
          return [
            `${head}: ${step.class} ${step.code}: ${step.message}`,
            ...(step.remedy === null ? [] : [`      what to do: ${step.remedy}`]),
          ];
      }
    }),
  ]);
}
