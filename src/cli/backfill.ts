import type { Command } from 'commander';
import { BackfillReport, shown } from '../backfill/report';
import { WrongUse } from '../errors/operator-errors';
import { expectSafeUrl } from '../samples/send-event';
import { recoverMissed, type MissedEvent, type Recovery } from '../service/recover-missed';
import { printableLines, type PrintableText } from '../text/printable';
import { printResult } from './print';
import { readSettings } from './read-settings';
import { parseSince, TIME_FORMS, withTimezone, zoneOf } from './since';

/** Ids that the text shows; `--json` has them all. */
const MOST_SHOWN = 50;

interface Options {
  since: string;
  timezone?: string;
  dryRun?: true;
  force?: true;
  url?: string;
  json?: true;
}

/** `bridge backfill`: recovers events that VoIPBIN knows and no webhook delivered. */
export function defineBackfill(backfill: Command): void {
  withTimezone(backfill)
    .requiredOption('--since <time>', `how far back: ${TIME_FORMS}`)
    .option('--dry-run', 'only show what is missing, and which rules match it')
    .option('--force', 'also for a time that the inbox has forgotten, at the risk of handling events twice')
    .option('--url <url>', "the running bridge's webhook (default: this machine's)")
    .option('--json', 'print JSON')
    .action(async (options: Options, command: Command) => {
      const settings = readSettings(command);
      if (options.url !== undefined) {
        expectSafeUrl(options.url, settings.environment);
      }
      const until = new Date();
      const since = parseSince(options.since, until, await zoneOf(options, settings));
      if (since.getTime() < until.getTime() - settings.retention.maxAgeMs) {
        throw new WrongUse(
          `--since ${options.since} is before the inbox' memory (retention.max_age): events that came then would look as if they had been missed`,
        );
      }
      const isDry = options.dryRun === true;
      const recovery = await recoverMissed({
        settings,
        since,
        dryRun: isDry,
        force: options.force === true,
        url: options.url ?? null,
      });
      const recovered = recovery.missed.filter(({ status }) => status !== 'duplicate');
      printResult(options.json, toJson(recovery, recovered, { since, until, isDry }), () =>
        toText(recovery, recovered, { since, isDry }),
      );
    });
}

function toJson(
  recovery: Recovery,
  recovered: readonly MissedEvent[],
  { since, until, isDry }: { since: Date; until: Date; isDry: boolean },
): object {
  const byType: Record<string, number> = {};
  for (const { type } of recovered) {
    byType[type] = (byType[type] ?? 0) + 1;
  }
  return {
    since: since.toISOString(),
    until: until.toISOString(),
    dry_run: isDry,
    complete: recovery.isComplete,
    present: recovery.present,
    unreadable: recovery.unreadable,
    [isDry ? 'missing' : 'recovered']: recovered.length,
    by_type: byType,
    events: recovery.missed,
  };
}

function toText(
  recovery: Recovery,
  recovered: readonly MissedEvent[],
  { since, isDry }: { since: Date; isDry: boolean },
): PrintableText {
  const lines = recovered
    .slice(0, MOST_SHOWN)
    .map(({ event_id, status, rules }) => `  ${status.padEnd(9)} ${event_id}${describeRules(rules)}`);
  if (recovered.length > MOST_SHOWN) {
    lines.push(`  and ${recovered.length - MOST_SHOWN} more (--json shows all)`);
  }
  return printableLines([...lines, summarize(recovery, recovered, { since, isDry }), ...warnings(recovery, recovered)]);
}

function summarize(
  { present }: Recovery,
  recovered: readonly MissedEvent[],
  { since, isDry }: { since: Date; isDry: boolean },
): string {
  if (recovered.length === 0) {
    return `Nothing is missing since ${shown(since)}: the inbox has all ${present} events that VoIPBIN lists.`;
  }
  const report = new BackfillReport();
  for (const { type, status, occurred_at } of recovered) {
    report.recovered(type, status === 'received' ? 'received' : 'ignored', Date.parse(occurred_at));
  }
  return isDry
    ? `${report.describe()} ${recovered.length === 1 ? 'is' : 'are'} missing since ${shown(since)}; the inbox has ${present}.`
    : `recovered ${report.describe()}`;
}

function warnings(recovery: Recovery, recovered: readonly MissedEvent[]): string[] {
  const { isComplete, unreadable, forgottenBefore } = recovery;
  return [
    ...(isComplete ? [] : ['VoIPBIN lists more than one command reads. Run it again with a later --since.']),
    ...(unreadable === 0 ? [] : [`${unreadable} of VoIPBIN's resources are not readable as an event.`]),
    ...(forgottenBefore === null
      ? []
      : [
          `The inbox has forgotten the events before ${shown(forgottenBefore)}: some of these may have been handled then.`,
        ]),
    ...(recovered.some(({ rules }) => rules === null)
      ? ['The rule files have errors, so it is not known which rules match (bridge rules check).']
      : []),
  ];
}

function describeRules(rules: string[] | null): string {
  if (rules === null) {
    return '';
  }
  return rules.length === 0 ? '  (no rule matches)' : `  ${rules.join(', ')}`;
}
