import type { Command } from 'commander';
import { WrongUse } from '../errors/operator-errors';
import { report, type Reasons, type Report, type RuleFigures } from '../status/report';
import { printOutput } from '../text/print';
import { printableLines } from '../text/printable';
import { counted } from '../text/counted';
import { printResult } from './print';
import { readSettingsWithoutSecrets } from './read-settings';
import { parsePeriod, shownTime, TIME_FORMS, withTimezone, zoneOf } from './since';

interface Options {
  since: string;
  until?: string;
  timezone?: string;
  csv?: true;
  json?: true;
}

/** `bridge report`: what came, and what was done for it. */
export function defineReport(command: Command): void {
  withTimezone(
    command
      .option('--since <time>', `of events that came since then: ${TIME_FORMS}`, '7d')
      .option('--until <time>', 'of events that came before then (default: now)')
      .option('--csv', 'print a line per rule and action, for a spreadsheet')
      .option('--json', 'print JSON'),
  ).action(print);
}

async function print(options: Options, command: Command): Promise<void> {
  if (options.csv === true && options.json === true) {
    throw new WrongUse('give --csv or --json, not both');
  }
  const settings = readSettingsWithoutSecrets(command);
  const zone = await zoneOf(options, settings);
  const now = new Date();
  const { since, until } = parsePeriod(options, now, zone);
  const figures = report(settings.dataDir, since ?? now, until ?? now);
  if (options.csv === true) {
    printOutput(csvOf(figures).join('\n'));
  } else {
    printResult(options.json, figures, () => printableLines(linesOf(figures, zone)));
  }
}

function linesOf(
  { since, until, complete_since, counted_since, events, calls, texts, recordings, rules }: Report,
  zone: string,
): string[] {
  const time = (at: string): string => shownTime(at, zone);
  return [
    `${time(since)} to ${time(until)}${zone === 'UTC' ? '' : ` (${zone})`}`,
    ...(complete_since === null
      ? []
      : [
          `The data folder has no events from before ${time(complete_since)}: none came, or the retention deleted them.`,
        ]),
    ...(counted_since === null
      ? []
      : [
          `Events, calls, texts and recordings are counted since ${time(counted_since)}: an earlier version ran before.`,
        ]),
    `  events      ${events.received}, of which rules matched ${events.matched}`,
    `  calls       ${calls.inbound} in, ${calls.outbound} out${calls.unknown_direction === 0 ? '' : `, ${calls.unknown_direction} in an unknown direction`}; ${calls.answered} answered by a person`,
    `  texts       ${texts.received} received, ${texts.sent} sent by rules`,
    `  recordings  ${recordings}`,
    ...rules.flatMap(linesOfRule),
  ];
}

function linesOfRule({
  rule,
  events,
  done,
  partial,
  failed,
  skipped,
  skipped_why,
  open,
  latency,
  actions,
}: RuleFigures): string[] {
  const took =
    latency === null
      ? ''
      : `; took ${seconds(latency.p50_ms)} (half), ${seconds(latency.p95_ms)} (95 %), ${seconds(latency.max_ms)} (longest)`;
  return [
    '',
    `${rule}: ${counted(events, 'event')}: ${done} done, ${partial} partial, ${failed} failed, ${skipped} skipped${inBrackets(skipped_why)}, ${open} open${took}`,
    ...actions.map(
      (action) =>
        `  ${action.action}: ${action.done} done, ${action.skipped} skipped${inBrackets(action.skipped_why)}, ${action.failed} failed${inBrackets(action.failed_why)}, ${action.retried} retried`,
    ),
  ];
}

function inBrackets(reasons: Reasons): string {
  const text = reasonsOf(reasons);
  return text === '' ? '' : ` (${text})`;
}

/** The most frequent first. */
function reasonsOf(reasons: Reasons): string {
  return Object.entries(reasons)
    .sort(([, one], [, other]) => other - one)
    .map(([reason, count]) => `${reason}: ${count}`)
    .join(', ');
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 0)} s`;
}

const COLUMNS = [
  'since',
  'until',
  'rule',
  'action',
  'done',
  'skipped',
  'skipped_why',
  'failed',
  'failed_why',
  'retried',
  'events',
  'open',
  'p50_ms',
  'p95_ms',
  'max_ms',
];

/** A rule without steps has a line without an action. */
function csvOf({ since, until, rules }: Report): string[] {
  const rows = rules.flatMap(({ rule, actions, events, open, latency, ...outcomes }) => {
    const ofRule = [events, open, latency?.p50_ms ?? '', latency?.p95_ms ?? '', latency?.max_ms ?? ''];
    return actions.length === 0
      ? [[since, until, rule, '', '', outcomes.skipped, reasonsOf(outcomes.skipped_why), '', '', '', ...ofRule]]
      : actions.map(({ action, done, skipped, skipped_why, failed, failed_why, retried }) => [
          since,
          until,
          rule,
          action,
          done,
          skipped,
          reasonsOf(skipped_why),
          failed,
          reasonsOf(failed_why),
          retried,
          ...ofRule,
        ]);
  });
  return [COLUMNS, ...rows].map((row) => row.map(csvCell).join(','));
}

/** A cell as RFC 4180 has it. A spreadsheet takes what begins with = + - @ for a formula, so such a text gets a quote. */
function csvCell(value: string | number): string {
  const text = typeof value === 'string' && /^[=+\-@]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
