import type { Command } from 'commander';
import { ApiClient } from '../operations/api-client';
import type { AuditEntry } from '../operations/store';
import { printableLines } from '../text/printable';
import { printResult } from './print';
import { readSettings } from './read-settings';
import { parseSince, shownTime, TIME_FORMS, withTimezone, zoneLines, zoneOf } from './since';

interface Options {
  limit: string;
  since?: string;
  timezone?: string;
  json?: true;
}

/** `bridge audit`: who changed what, and when. */
export function defineAudit(audit: Command): void {
  withTimezone(audit)
    .option('--limit <n>', 'how many', '50')
    .option('--since <time>', `only entries since then: ${TIME_FORMS}`)
    .option('--json', 'print JSON')
    .action(print);
}

async function print(options: Options, command: Command): Promise<void> {
  const { limit, since, json } = options;
  const settings = readSettings(command);
  const zone = await zoneOf(options, settings);
  const query = new URLSearchParams({ limit });
  if (since !== undefined) {
    query.set('since', parseSince(since, new Date(), zone).toISOString());
  }
  const entries = (await new ApiClient(settings).get(`/audit?${query.toString()}`)) as AuditEntry[];
  const lines = entries.map(
    ({ at, who, operation, count, detail }) =>
      `${shownTime(at, zone)}  ${who.padEnd(12)}  ${operation.padEnd(20)} ${count === null ? '' : `${count} `} ${JSON.stringify(detail)}`,
  );
  const shown = lines.length === 0 ? ['Nobody has changed anything yet.'] : [...lines, ...zoneLines(zone)];
  printResult(json, entries, () => printableLines(shown));
}
