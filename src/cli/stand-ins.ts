import type { Command } from 'commander';
import { MOST_SHOWN, type TakenItem } from '../connectors/mailbox';
import { connectors } from '../connectors/registry';
import { OperationFailed, WrongUse } from '../errors/operator-errors';
import { ApiClient } from '../operations/api-client';
import type { StandInsAnswer } from '../service/connections-api';
import { indented, printableLines } from '../text/printable';
import { didYouMean } from '../yaml/nearest-name';
import { printResult } from './print';
import { readSettings } from './read-settings';
import { shownTime, withTimezone, zoneLines, zoneOf } from './since';

interface Options {
  last: string;
  timezone?: string;
  json?: true;
}

/** `bridge stand-ins`: what the bridge would have sent, had it credentials. */
export function defineStandIns(standIns: Command): void {
  withTimezone(standIns.command('show'))
    .description('show what the stand-ins of the running bridge took: texts, mails, posts, CRM records')
    .argument('[connection]', 'only this one: email, hubspot, slack, voipbin')
    .option('--last <n>', 'how many of each', '10')
    .option('--json', 'print JSON')
    .action(show);
}

async function show(name: string | undefined, options: Options, command: Command): Promise<void> {
  const names = connectors.filter(({ connection }) => connection.standIn !== undefined).map((one) => one.name);
  if (name !== undefined && !names.includes(name)) {
    const { hint } = { hint: `there are ${names.join(', ')}`, ...didYouMean(name, names) };
    throw new WrongUse(`"${name}" has no stand-in; ${hint}`);
  }
  const last = Number(options.last);
  if (!Number.isInteger(last) || last < 1 || last > MOST_SHOWN) {
    throw new WrongUse(`--last expects a number from 1 to ${MOST_SHOWN}`);
  }
  const query = new URLSearchParams({ last: String(last), ...(name === undefined ? {} : { connection: name }) });
  const settings = readSettings(command);
  const zone = await zoneOf(options, settings);
  const answer = (await new ApiClient(settings).get(`/stand-ins?${query.toString()}`)) as StandInsAnswer;
  const { stand_ins: found } = answer;
  if (found === null) {
    throw new OperationFailed('The running bridge is a receiver: stand-ins run in its workers, which show nothing.');
  }
  printResult(options.json, found, () =>
    printableLines(
      found.length === 0
        ? [
            name === undefined
              ? 'The bridge runs no stand-in: every connection has credentials.'
              : `${name} has credentials, so no stand-in runs for it (bridge connections list).`,
          ]
        : found
            .flatMap(({ connection, items }) => [
              `${connection}: ${items.length === 0 ? 'nothing yet' : `the last ${items.length}`}`,
              ...items.flatMap((item) => linesOf(item, zone)),
            ])
            .concat(zoneLines(zone)),
    ),
  );
}

function linesOf({ at, what, to, lines }: TakenItem, zone: string): string[] {
  return [
    `  ${shownTime(at, zone)}  ${what}${to === null ? '' : ` to ${to}`}`,
    ...lines.flatMap((line) => indented(line, '      ')),
  ];
}
