import type { Command } from 'commander';
import { EXIT_FAILED, WrongUse } from '../errors/operator-errors';
import { ApiClient } from '../operations/api-client';
import type { Forgotten } from '../operations/forget';
import type { Settings } from '../settings/settings';
import { readingsOf } from '../status/number-filter';
import { counted } from '../text/counted';
import { printMessage, printOutput } from '../text/print';
import { printableLines } from '../text/printable';
import { isConfirmed } from './confirm';
import { countriesOf } from './country';
import { printResult } from './print';
import { readSettings } from './read-settings';
import { parseSpan } from './since';

interface Options {
  olderThan?: string;
  dryRun?: true;
  yes?: true;
  json?: true;
}

/** `bridge forget`: removes personal data from the data folder. */
export function defineForget(forget: Command): void {
  forget
    .argument('[number]', 'a phone number, in any format: +15551234567')
    .option('--older-than <span>', 'everything that came earlier: 90d')
    .option('--dry-run', 'only show what would be removed')
    .option('--yes', 'do not ask')
    .option('--json', 'print JSON')
    .action(run);
}

async function run(number: string | undefined, options: Options, command: Command): Promise<void> {
  const { olderThan, json } = options;
  if ((number === undefined) === (olderThan === undefined)) {
    throw new WrongUse('give a phone number, or --older-than with a time such as 90d');
  }
  const settings = readSettings(command);
  const api = new ApiClient(settings);
  const { request, planned } =
    number === undefined
      ? await plan(api, { before: parseSpan(olderThan ?? '', '--older-than', new Date()).toISOString() })
      : await planForNumber(api, number, await countriesOf(settings));
  const whose = 'number' in request && request.number !== number ? ` of ${request.number}` : '';
  if (options.dryRun === true || planned.events + planned.quarantined === 0) {
    const left = await describeLeft(planned, settings);
    const verb = options.dryRun === true ? 'would be removed' : 'was removed';
    printResult(json, planned, () => printableLines([...describe(planned, verb, whose), ...left]));
    return;
  }
  if (json !== true) {
    printOutput(printableLines(describe(planned, 'would be removed', whose)));
  }
  if (!(await isConfirmed(options))) {
    printMessage('Nothing was done.');
    process.exitCode = EXIT_FAILED;
    return;
  }
  const result = (await api.post('/forget', request)) as Forgotten;
  const left = await describeLeft(result, settings);
  printResult(json, result, () => printableLines([...describe(result, 'was removed', whose), ...left]));
}

/** What is asked for, and what would be removed. */
interface Planned {
  request: { number: string } | { before: string };
  planned: Forgotten;
}

async function plan(api: ApiClient, request: Planned['request']): Promise<Planned> {
  return { request, planned: (await api.post('/forget?dry_run=true', request)) as Forgotten };
}

/**
 * Plans for a number as it may be meant: as that of the one country in which the data folder knows it.
 * @throws WrongUse when it knows it in several: nobody's data is removed by a guess.
 */
async function planForNumber(api: ApiClient, written: string, countries: readonly string[]): Promise<Planned> {
  const [first = written, ...others] = readingsOf(written, countries);
  const plans = [await plan(api, { number: first })];
  for (const number of others) {
    plans.push(await plan(api, { number }));
  }
  const known = plans.filter(({ planned }) => planned.events + planned.quarantined + planned.postponed > 0);
  const [only = plans[0]] = known;
  if (only === undefined || known.length > 1) {
    const numbers = known.map(({ request }) => ('number' in request ? request.number : '')).join(' or ');
    throw new WrongUse(`"${written}" can be ${numbers}: write the one that you mean`);
  }
  return only;
}

function describe({ events, quarantined, postponed }: Forgotten, verb: string, whose: string): string[] {
  return [
    `The content of ${counted(events, 'event')}${whose} ${verb}, and ${counted(quarantined, 'quarantined request')}.`,
    ...(postponed === 0
      ? []
      : [`${counted(postponed, 'event')} left: the run has not ended. Run the command again when it has.`]),
  ];
}

/** Who else has the data, and until when. */
async function describeLeft({ runs_at_temporal, at_providers }: Forgotten, settings: Settings): Promise<string[]> {
  const providers = Object.entries(at_providers).map(([name, steps]) => `${name} (${counted(steps, 'step')})`);
  return [
    ...(runs_at_temporal === 0
      ? []
      : [
          `Temporal keeps the history of ${counted(runs_at_temporal, 'run')}, with the event, ${await keptFor(settings)} after its end.`,
        ]),
    ...(providers.length === 0
      ? []
      : [`Not removed at the services, where the steps left it: ${providers.join(', ')}.`]),
  ];
}

async function keptFor(settings: Settings): Promise<string> {
  const { retentionDays } = await import('../status/temporal-retention.js');
  const days = await retentionDays(settings);
  return days === null ? "for its namespace's retention (Temporal does not answer now)" : `for ${counted(days, 'day')}`;
}
