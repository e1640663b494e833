import { Command } from 'commander';
import { typesFor } from '../events/catalogue';
import { InboxReader } from '../inbox/archive/reader';
import { RunLogReader, type RunLogEntry } from '../dispatch/run-log';
import type { RunReport } from '../runs/run-contract';
import { Refused, WrongUse } from '../errors/operator-errors';
import { readSettings } from './read-settings';
import { parseSince } from './since';
import { askRun, type RunState } from '../status/run-status';
import { became, BECAME } from '../status/event-status';
import { listEvents } from '../status/event-list';

const MOST_ROWS = 1_000;

interface ListOptions {
  limit: string;
  type?: string;
  since?: string;
  became?: string;
  quarantine?: true;
  json?: true;
}

/** `bridge events`: what came, and what became of it. */
export function eventsCommand(): Command {
  const events = new Command('events').description('what came, and what became of it');
  events
    .command('list')
    .description('the latest events')
    .option('--limit <n>', 'how many', '20')
    .option('--type <type>', 'only this type (either dialect)')
    .option('--since <time>', 'only what came since then: 2h, 3d, or a time such as 2026-03-02T01:00:00Z')
    .option('--became <words>', 'only those of which this became: failed, or several as failed,partial')
    .option('--quarantine', 'what could not be read as an event')
    .option('--json', 'print JSON')
    .action((options: ListOptions, command: Command) => list(options, command));
  events
    .command('show')
    .description('one event: what came, which rules wanted it, what its run did')
    .argument('<id>', 'the event id that the bridge answered with (or an id from --quarantine)')
    .option('--body', 'print the body as received, too')
    .option('--json', 'print JSON')
    .action((id: string, options: { body?: true; json?: true }, command: Command) => show(id, options, command));
  return events;
}

function list(options: ListOptions, command: Command): void {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_ROWS) {
    throw new WrongUse(`--limit takes a number from 1 to ${MOST_ROWS}`);
  }
  const { dataDir } = readSettings(command);
  const isWhole = options.type === undefined && options.since === undefined && options.became === undefined;
  if (options.quarantine === true) {
    if (!isWhole) {
      throw new WrongUse(
        '--quarantine lists what is no event, which has no type and of which nothing became: it goes with --limit and --json only',
      );
    }
    listQuarantine(dataDir, limit, options.json);
    return;
  }
  const types = options.type === undefined ? null : typesFor(options.type);
  if (options.type !== undefined && types === null) {
    throw new WrongUse(`unknown event type "${options.type}"`);
  }
  // One more tells whether there are more.
  const found = listEvents(dataDir, {
    limit: limit + 1,
    ...(types === null ? {} : { types }),
    ...(options.since === undefined ? {} : { since: parseSince(options.since, new Date()) }),
    ...(options.became === undefined ? {} : { became: readBecame(options.became) }),
  });
  const events = found.slice(0, limit);
  const lines = events.map((event) => `${event.received_at}  ${event.became.padEnd(9)}  ${event.event_id}`);
  const more =
    found.length > limit ? [`These are the latest ${limit}; there are more (--limit, up to ${MOST_ROWS}).`] : [];
  print(options.json, events, () =>
    events.length === 0
      ? isWhole
        ? 'Nothing has come yet.'
        : 'There are no such events.'
      : [...lines, ...more].join('\n'),
  );
}

/** @throws WrongUse when a word is none. */
function readBecame(text: string): ReadonlySet<string> {
  const words = text.split(',').map((word) => word.trim());
  const unknown = words.filter((word) => !BECAME.includes(word));
  if (unknown.length > 0) {
    throw new WrongUse(
      `--became takes one or more of ${BECAME.join(', ')}, with commas between; got "${unknown.join(', ')}"`,
    );
  }
  return new Set(words);
}

function listQuarantine(dataDir: string, limit: number, json: true | undefined): void {
  const reader = InboxReader.open(dataDir);
  try {
    const rows = reader.listQuarantine({ limit });
    print(json, rows, () =>
      rows.length === 0
        ? 'The quarantine is empty.'
        : rows
            .map((row) => `${row.received_at}  ${row.id}  ${row.bytes} bytes, ${row.times}x  ${row.reason}`)
            .join('\n'),
    );
  } finally {
    reader.close();
  }
}

async function show(id: string, options: { body?: true; json?: true }, command: Command): Promise<void> {
  const settings = readSettings(command);
  const reader = InboxReader.open(settings.dataDir);
  const log = new RunLogReader(settings.dataDir);
  try {
    const stored = reader.get(id);
    if (stored === null) {
      showQuarantined(reader, id, options);
      return;
    }
    const dispatched = log.get(id);
    const open = stored.plan !== null && dispatched?.state !== 'closed';
    const run = open ? await askRun(settings, id) : null;
    const report = readReport(dispatched);
    const shown = {
      event: stored.event,
      rules: stored.plan?.rules.map((rule) => rule.name) ?? [],
      ruleset: stored.ruleset,
      became: became(
        {
          isIgnored: stored.plan === null,
          isStarted: stored.seq <= Math.max(log.watermark(), reader.dispatchedThrough()),
          dispatched,
        },
        run,
      ),
      report,
      pending: run?.pending ?? [],
      parked: run?.parked ?? [],
      worker_missing: run?.workerMissing ?? false,
    };
    print(options.json, shown, () => describeEvent(shown, options.body === true ? stored.body.toString() : null));
  } finally {
    reader.close();
    log.close();
  }
}

function showQuarantined(reader: InboxReader, id: string, options: { body?: true; json?: true }): void {
  const quarantined = reader.getQuarantined(id);
  if (quarantined === null) {
    throw new Refused(`no event ${id} in this data folder; bridge events list shows the latest`);
  }
  const { body, ...rest } = quarantined;
  print(options.json, options.body === true ? { ...rest, body: body.toString() } : rest, () =>
    [
      `${id}: kept in quarantine, it is no event`,
      `  reason    ${rest.reason}`,
      `  received  ${rest.received_at} (${rest.times}x), ${rest.bytes} bytes`,
      ...(options.body === true ? [body.toString()] : []),
    ].join('\n'),
  );
}

function readReport(dispatched: RunLogEntry | null): RunReport | null {
  const report: unknown = dispatched?.report === null || dispatched === null ? null : JSON.parse(dispatched.report);
  return typeof report === 'object' && report !== null && 'rules' in report ? (report as RunReport) : null;
}

interface ShownEvent {
  event: { event_id: string; declared_type: string; type: string; received_at: string; occurred_at: string };
  rules: string[];
  ruleset: string | null;
  became: string;
  report: RunReport | null;
  pending: RunState['pending'];
  parked: RunState['parked'];
  worker_missing: boolean;
}

function describeEvent(shown: ShownEvent, body: string | null): string {
  const { event } = shown;
  const declared = event.declared_type === event.type ? '' : ` (sent as ${event.declared_type})`;
  const lines = [
    `${event.event_id}: ${shown.became}`,
    `  type      ${event.type}${declared}`,
    `  occurred  ${event.occurred_at}`,
    `  received  ${event.received_at}`,
    shown.rules.length === 0
      ? `  rules     none wanted it (rule set ${shown.ruleset ?? 'unknown'})`
      : `  rules     ${shown.rules.join(', ')} (rule set ${shown.ruleset})`,
  ];
  for (const rule of shown.report?.rules ?? []) {
    lines.push(`  ${rule.rule}: ${rule.outcome}${rule.reason === undefined ? '' : `: ${rule.reason}`}`);
    for (const step of rule.steps) {
      const why =
        step.outcome === 'skipped'
          ? `: ${step.reason}`
          : step.outcome === 'failed'
            ? `: ${step.class} ${step.code}: ${step.message}`
            : '';
      lines.push(`    ${step.step} (${step.action}) ${step.outcome}${why}`);
      if (step.outcome === 'done') {
        lines.push(`      ${JSON.stringify(step.result)}`);
      }
      if (step.outcome === 'failed' && step.remedy !== null) {
        lines.push(`      what to do: ${step.remedy}`);
      }
    }
  }
  if (shown.worker_missing) {
    lines.push(
      '  no worker has asked Temporal for work in the last minutes; it goes on when one runs (bridge start, or with --mode worker)',
    );
  }
  for (const pending of shown.pending) {
    lines.push(
      `  ${pending.action}: attempt ${pending.attempt}${pending.problem === null ? '' : `, last: ${pending.problem}`}`,
    );
  }
  for (const { rule, step, connection, code } of shown.parked) {
    lines.push(`  ${rule}, ${step}: waits, for ${connection} is parked (${code}); see bridge connections list`);
  }
  return [...lines, ...(body === null ? [] : [body])].join('\n');
}

function print(json: true | undefined, value: unknown, text: () => string): void {
  process.stdout.write(`${json === true ? JSON.stringify(value, null, 2) : text()}\n`);
}
