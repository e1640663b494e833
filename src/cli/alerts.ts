import type { Command } from 'commander';
import { EXIT_FAILED, EXIT_OK, WrongUse } from '../errors/operator-errors';
import { LASTING, type Alert } from '../alerts/alert';
import type { AlertsAnswer, TestAnswer } from '../alerts/routes';
import type { Outcome } from '../alerts/teller';
import { ApiClient } from '../operations/api-client';
import { printableLines } from '../text/printable';
import { parseDuration } from '../yaml/duration';
import { printResult } from './print';
import { readSettings } from './read-settings';
import { shownTime, withTimezone, zoneLines, zoneOf } from './since';

interface Options {
  limit?: string;
  for?: string;
  timezone?: string;
  json?: true;
}

/** `bridge alerts`: what needs a person, and who was notified. */
export function defineAlerts(alerts: Command): void {
  withTimezone(alerts.command('list'))
    .description('list the alerts that last, then the latest that are over')
    .option('--limit <n>', 'how many', '20')
    .option('--json', 'print JSON')
    .action(list);
  alerts
    .command('test')
    .description('send a test alert, as the rule files say')
    .argument('[name]', 'an entry of alerts: in the rule files (default: each)')
    .option('--json', 'print JSON')
    .action(test);
  alerts
    .command('ack')
    .description('say that somebody takes care: the alert is not sent any more')
    .argument('<id>', 'the number in bridge alerts list')
    .option('--json', 'print JSON')
    .action(ack);
  withTimezone(alerts.command('silence'))
    .description('send no alerts for some time, of one kind or of all')
    .argument('[kind]', 'a kind of alert', 'all')
    .requiredOption('--for <span>', 'how long: 2h')
    .option('--json', 'print JSON')
    .action(silence);
}

async function list(options: Options, command: Command): Promise<void> {
  const { limit, json } = options;
  const settings = readSettings(command);
  const zone = await zoneOf(options, settings);
  const api = new ApiClient(settings);
  const answer = (await api.get(`/alerts?limit=${encodeURIComponent(limit ?? '20')}`)) as AlertsAnswer;
  const { alerts, silences, routes } = answer;
  printResult(json, answer, () =>
    printableLines([
      ...(alerts.length === 0 ? ['Nothing needs a person.'] : alerts.flatMap((alert) => describe(alert, answer, zone))),
      ...silences.map(({ kind, until, who }) => `Silent: ${kind} until ${shownTime(until, zone)} (${who})`),
      ...(routes.length === 0
        ? ['Nobody is notified: the rule files have no alerts (docs/operations.md, "Get notified").']
        : []),
      ...(alerts.length + silences.length === 0 ? [] : zoneLines(zone)),
    ]),
  );
  process.exitCode = alerts.some(({ ended_at }) => ended_at === null) ? EXIT_FAILED : EXIT_OK;
}

function describe(alert: Alert, { not_told }: AlertsAnswer, zone: string): string[] {
  const { id, kind, count, since, last_at, ended_at, acked_by, summary } = alert;
  const at = (time: string): string => shownTime(time, zone);
  const over = LASTING.has(kind)
    ? `over since ${ended_at === null ? '' : at(ended_at)}`
    : `no more since ${at(last_at)}`;
  const state = ended_at === null ? 'lasts' : over;
  return [
    `${id}  ${kind}  ${state}, ${ended_at === null ? 'since' : 'began'} ${at(since)}${count > 1 ? `, ${count} times` : ''}${acked_by === null ? '' : `, ${acked_by} takes care`}`,
    `    ${summary}`,
    ...not_told
      .filter((telling) => telling.alert === id)
      .map(({ route, problem }) => `    not sent by ${route} yet: ${problem}`),
  ];
}

async function test(name: string | undefined, { json }: Options, command: Command): Promise<void> {
  const api = new ApiClient(readSettings(command));
  const answer = (await api.post('/alerts/test', name === undefined ? {} : { route: name })) as TestAnswer;
  printResult(json, answer, () =>
    printableLines(Object.entries(answer._ways).map(([route, outcome]) => `${route}: ${outcomeText(outcome)}`)),
  );
  process.exitCode = Object.values(answer._ways).every(({ problem }) => problem === null) ? EXIT_OK : EXIT_FAILED;
}

function outcomeText({ problem, by, stand_in, failed }: Outcome): string {
  const failures = failed.map(({ action, code }) => `${action}: ${code}`).join(', ');
  if (problem !== null) {
    return `NOT sent (${failures || problem}); see the bridge's log`;
  }
  const nobody = stand_in ? ' to a stand-in: nobody sees it' : '';
  return `sent by ${by ?? 'nobody'}${nobody}${failures === '' ? '' : ` (${failures})`}`;
}

async function ack(id: string, { json }: Options, command: Command): Promise<void> {
  const api = new ApiClient(readSettings(command));
  const answer = await api.post(`/alerts/${encodeURIComponent(id)}/ack`);
  printResult(json, answer, () => printableLines([`Alert ${id} is not sent any more.`]));
}

async function silence(kind: string, options: Options, command: Command): Promise<void> {
  const span = parseDuration(options.for ?? '');
  if (span === null || span === 0) {
    throw new WrongUse(`--for expects a duration such as 2h; got "${options.for ?? ''}"`);
  }
  const until = new Date(Date.now() + span).toISOString();
  const settings = readSettings(command);
  const zone = await zoneOf(options, settings);
  const shown = `${shownTime(until, zone)}${zone === 'UTC' ? '' : ` (${zone})`}`;
  const answer = await new ApiClient(settings).post('/alerts/silence', { kind, until });
  printResult(options.json, answer, () =>
    printableLines([
      kind === 'all' ? `No alert is sent until ${shown}.` : `Alerts of kind ${kind} are not sent until ${shown}.`,
    ]),
  );
}
