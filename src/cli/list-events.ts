import { Option, type Command } from 'commander';
import { WrongUse } from '../errors/operator-errors';
import type { Party } from '../events/canonical-event';
import { typesFor } from '../events/catalogue';
import { InboxReader } from '../inbox/archive/reader';
import type { Settings } from '../settings/settings';
import { searchEvents, type EventFilter, type ListedEvent } from '../status/event-list';
import { EVENT_STATUSES } from '../status/event-status';
import { numberFilter, type NumberFilter } from '../status/number-filter';
import { printMessage } from '../text/print';
import { printableLines } from '../text/printable';
import { countriesOf } from './country';
import { printResult } from './print';
import { readSettingsWithoutSecrets } from './read-settings';
import { parsePeriod, shownTime, TIME_FORMS, withTimezone, zoneLines, zoneOf } from './since';

const MOST_ROWS = 1_000;

interface Options {
  limit: string;
  before?: string;
  type?: string;
  since?: string;
  until?: string;
  status?: string;
  /** The former name of `status`. */
  became?: string;
  number?: string;
  text?: string;
  rule?: string;
  step?: string;
  code?: string;
  timezone?: string;
  quarantine?: true;
  json?: true;
}

const FILTERS = ['type', 'since', 'until', 'status', 'became', 'number', 'text', 'rule', 'step', 'code'] as const;

/** `bridge events list`: the events that came, newest first. */
export function defineListEvents(list: Command): void {
  withTimezone(
    list
      .description('list the latest events: who called or wrote, the rules that matched, what failed or is waited for')
      .option('--limit <n>', 'how many', '20')
      .option('--before <seq>', 'continue an earlier list, which says with what')
      .option('--type <type>', 'only this type (in either dialect)')
      .option('--since <time>', `only events that came since then: ${TIME_FORMS}`)
      .option('--until <time>', 'only events that came before then')
      .option('--status <statuses>', 'only events with this status, or one of several: failed,partial')
      .addOption(new Option('--became <statuses>', 'the former name of --status').hideHelp())
      .option('--number <number>', 'only events of this phone number, in any format, or of one with these digits')
      .option('--text <words>', 'only messages and transcripts that contain this, in upper or lower case')
      .option('--rule <name>', 'only events that this rule matched')
      .option('--step <step>', 'only events for which a rule has this step, by its id or action')
      .option('--code <code>', 'only events with a step that failed with this code')
      .option('--quarantine', 'list the bodies that are not events')
      .option('--json', 'print JSON'),
  ).action(listAsked);
}

async function listAsked(options: Options, command: Command): Promise<void> {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_ROWS) {
    throw new WrongUse(`--limit expects a number from 1 to ${MOST_ROWS}`);
  }
  const settings = readSettingsWithoutSecrets(command);
  const isFiltered = FILTERS.some((name) => options[name] !== undefined);
  if (options.quarantine === true) {
    if (isFiltered || options.before !== undefined) {
      throw new WrongUse(
        '--quarantine lists bodies that are not events: they have no type and no status. Use it with --limit and --json only',
      );
    }
    listQuarantine(settings.dataDir, limit, options.json === true ? null : await zoneOf(options, settings));
    return;
  }
  // JSON has every time in UTC, so the zone matters for what is read only.
  const needsZone = options.json !== true || options.since !== undefined || options.until !== undefined;
  const zone = needsZone ? await zoneOf(options, settings) : 'UTC';
  const countries = options.number === undefined ? [] : await countriesOf(settings);
  const filter = filterOf(options, countries, zone);
  // One more than asked for shows whether there are more.
  const { events: found, searched_to: searchedTo } = searchEvents(settings.dataDir, { ...filter, limit: limit + 1 });
  const rest =
    searchedTo === null
      ? null
      : `Searched back to ${shownTime(searchedTo.received_at, zone)}; older events: --before ${searchedTo.before}.`;
  const events = found.slice(0, limit);
  const waits = await waitsOf(settings, events);
  if (options.json === true) {
    const rows = events.map((event) => ({ ...event, waits_for: waits.get(event.event_id) ?? null }));
    printResult(true, rows, () => printableLines([]));
    if (rest !== null) {
      printMessage(rest);
    }
    return;
  }
  const lines = events.map((event) => describe(event, zone, waits.get(event.event_id) ?? null));
  if (found.length > limit) {
    lines.push(
      `These are the latest ${limit}; there are more (--limit, up to ${MOST_ROWS}, or older ones: --before ${events.at(-1)?.seq ?? 0}).`,
    );
  }
  const none = isFiltered || options.before !== undefined ? 'There are no such events.' : 'No event has come yet.';
  const shown = lines.length === 0 ? [none] : [...lines, ...zoneLines(zone)];
  printResult(false, events, () => printableLines(rest === null ? shown : [...shown, rest]));
}

/** @throws WrongUse for an option that cannot be read. */
function filterOf(options: Options, countries: readonly string[], zone: string): Omit<EventFilter, 'limit'> {
  const { type, text, rule, step, code } = options;
  const status = options.status ?? options.became;
  const types = type === undefined ? null : typesFor(type);
  if (type !== undefined && types === null) {
    throw new WrongUse(`unknown event type "${type}"`);
  }
  const { since, until } = parsePeriod(options, new Date(), zone);
  return {
    ...(options.before === undefined ? {} : { before: parseSeq(options.before) }),
    ...(types === null ? {} : { types }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(status === undefined ? {} : { statuses: parseStatuses(status) }),
    ...(options.number === undefined ? {} : { number: parseNumber(options.number, countries) }),
    ...(text === undefined ? {} : { text }),
    ...(rule === undefined ? {} : { rule }),
    ...(step === undefined ? {} : { step }),
    ...(code === undefined ? {} : { code }),
  };
}

/** Loads Temporal's client only when a run is open: it takes longer than everything else here. */
async function waitsOf(settings: Settings, events: readonly ListedEvent[]): Promise<ReadonlyMap<string, string>> {
  if (!events.some(({ status }) => status === 'started')) {
    return new Map();
  }
  const waits = await import('../status/run-waits.js');
  return waits.waitsOf(settings, events);
}

function describe(event: ListedEvent, zone: string, wait: string | null): string {
  const { peer, ours, direction, rules, failure, failures } = event;
  const [from, to] = direction === 'outbound' ? [ours, peer] : [peer, ours];
  const parties = peer === null && ours === null ? null : `${nameOf(from)} > ${nameOf(to)}`;
  const others = failures > 1 ? ` and ${failures - 1} more` : '';
  return [
    shownTime(event.received_at, zone),
    event.status.padEnd(9),
    event.event_id,
    parties,
    rules.length === 0 ? null : rules.join(', '),
    failure === null ? null : `${failure.rule}/${failure.step} failed: ${failure.code}${others}`,
    wait,
  ]
    .filter((column) => column !== null)
    .join('  ');
}

function nameOf(party: Party | null): string {
  return party?.number ?? party?.name ?? '?';
}

/** @throws WrongUse when it is not the number of an event in a list. */
function parseSeq(text: string): number {
  const seq = Number(text);
  if (!Number.isInteger(seq) || seq < 1) {
    throw new WrongUse(`--before expects the number that the list before ended with; got "${text}"`);
  }
  return seq;
}

/** @throws WrongUse for a text without digits. */
function parseNumber(text: string, countries: readonly string[]): NumberFilter {
  const filter = numberFilter(text, countries);
  if (filter === null) {
    throw new WrongUse(`--number expects a phone number, or at least three digits of one; got "${text}"`);
  }
  return filter;
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

/** @param zone of the times that are shown; null prints JSON. */
function listQuarantine(dataDir: string, limit: number, zone: string | null): void {
  const reader = InboxReader.open(dataDir);
  try {
    const rows = reader.listQuarantine({ limit });
    const lines = rows.map(
      ({ received_at, id, bytes, times, reason }) =>
        `${shownTime(received_at, zone ?? 'UTC')}  ${id}  ${bytes} bytes, ${times}x  ${reason}`,
    );
    const shown = lines.length === 0 ? ['The quarantine is empty.'] : [...lines, ...zoneLines(zone ?? 'UTC')];
    printResult(zone === null, rows, () => printableLines(shown));
  } finally {
    reader.close();
  }
}
