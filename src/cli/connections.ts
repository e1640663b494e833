import type { Command } from 'commander';
import { connectors, usesOfConnection } from '../connectors/registry';
import { EXIT_FAILED, EXIT_OK, OperationFailed, WrongUse } from '../errors/operator-errors';
import { findApi } from '../operations/api-access';
import { ApiClient, BridgeNotRunning } from '../operations/api-client';
import { resumableAs, type ChecksAnswer, type ConnectionsAnswer, type ResumedAnswer } from '../service/connections-api';
import { liveRulesOf } from '../service/rules-in-force';
import { Proxies } from '../net/proxies';
import type { Settings } from '../settings/settings';
import { checkConnection, type ConnectionCheck } from '../status/connection-check';
import type * as connectionStatus from '../status/connection-status';
import type { ConnectionStatus } from '../status/connection-status';
import { didYouMean } from '../yaml/nearest-name';
import { printMessage } from '../text/print';
import { printableLines } from '../text/printable';
import { printResult } from './print';
import { defineProve } from './prove-connections';
import { readSettings } from './read-settings';
import { shownTime, withTimezone, zoneLines, zoneOf } from './since';

interface Options {
  timezone?: string;
  json?: true;
}

/** `bridge connections`: whether the providers accept the credentials, and which connections are parked. */
export function defineConnections(connections: Command): void {
  connections
    .command('check')
    .description(
      'have the running bridge ask each provider that has credentials, with harmless requests, whether it permits what the live rules need',
    )
    .option('--json', 'print JSON')
    .action(check);
  defineProve(connections.command('prove'));
  withTimezone(connections.command('list'))
    .description(
      'list what the running bridge uses for every connection, from which setting, and whether it is parked: its credential stopped working and steps wait for it',
    )
    .option('--json', 'print JSON')
    .action(list);
  connections
    .command('resume')
    .description('let the oldest step that waits for a parked connection, and for each of its parts, try at once')
    .argument('<name>', 'the connection, or a part of one as listed: hubspot, hubspot/owners, slack, ...')
    .option('--json', 'print JSON')
    .action(resume);
}

async function check(options: Options, command: Command): Promise<void> {
  const settings = readSettings(command);
  const answer = await askBridge(settings, async (client) => (await client.post('/connections/check')) as ChecksAnswer);
  if (answer !== null && answer.checks === null) {
    printMessage(
      'The running bridge is a receiver: its workers have settings of their own, so run this command where they run. What follows is checked with the settings file and the environment of this command.',
    );
  }
  const checks = answer?.checks ?? (await checkFromHere(settings));
  printResult(options.json, checks, () =>
    printableLines([
      ...checks.map(({ connection, ok, detail }) => `${connection.padEnd(9)} ${ok ? 'fine' : 'NO  '}  ${detail}`),
      ...proxyLines(),
    ]),
  );
  process.exitCode = checks.every(({ ok }) => ok) ? EXIT_OK : EXIT_FAILED;
}

function checkFromHere(settings: Settings): Promise<ConnectionCheck[]> {
  const rules = liveRulesOf(settings);
  if (rules === null) {
    printMessage(
      'The rule files are missing or have errors (bridge rules check), so only the credentials are checked, not what the rules need.',
    );
  }
  return Promise.all(
    connectors.map((connector) =>
      checkConnection(
        connector,
        settings.connections[connector.name]?.settings ?? null,
        usesOfConnection(connector.name, rules ?? []),
      ),
    ),
  );
}

/** What the running bridge answers; null where none runs, which standard error says. */
async function askBridge<Answer>(
  settings: Settings,
  ask: (client: ApiClient) => Promise<Answer>,
): Promise<Answer | null> {
  try {
    return await ask(new ApiClient(settings));
  } catch (error) {
    if (!(error instanceof BridgeNotRunning)) {
      throw error;
    }
    printMessage(
      `No receiver runs with the data folder ${settings.dataDir}, so this is what the settings file and the environment of this command say.`,
    );
    return null;
  }
}

/** Says through which proxies the requests go: none does that the environment of this command does not name. */
function proxyLines(): string[] {
  const proxies = new Proxies(process.env).describe();
  return proxies === null ? [] : [`Requests go out through proxies: ${proxies}. E-mail does not.`];
}

async function list(options: Options, command: Command): Promise<void> {
  const settings = readSettings(command);
  const answer = await askBridge(settings, async (client) => (await client.get('/connections')) as ConnectionsAnswer);
  if (answer?.mode === 'receiver') {
    printMessage(
      'The running bridge is a receiver: its workers have settings of their own, so only what is parked is known here.',
    );
  }
  const statuses =
    answer?.connections ?? (await withTemporal(({ connectionStatuses }) => connectionStatuses(connectors, settings)));
  const zone = await zoneOf(options, settings);
  printResult(options.json, statuses, () =>
    printableLines([
      ...statuses.flatMap((status) => describeStatus(status, zone)),
      ...(statuses.some(({ parked }) => parked !== null) ? zoneLines(zone) : []),
    ]),
  );
  process.exitCode = statuses.some(({ parked }) => parked !== null) ? EXIT_FAILED : EXIT_OK;
}

async function resume(name: string, options: Options, command: Command): Promise<void> {
  const settings = readSettings(command);
  const names = connectors.map((connector) => connector.name);
  if (resumableAs(name) === null) {
    const { hint } = { hint: `there are ${names.join(', ')}`, ...didYouMean(name, names) };
    throw new WrongUse(`unknown connection "${name}"; ${hint}`);
  }
  const resumed = (await resumedBy(settings, name)).length > 0;
  printResult(options.json, { connection: name, resumed }, () =>
    printableLines([
      resumed
        ? `${name}: the oldest waiting step tries now; when it succeeds, all others continue, oldest first`
        : `${name} is not parked; no step waits for it`,
    ]),
  );
  process.exitCode = resumed ? EXIT_OK : EXIT_FAILED;
}

/**
 * Has the bridge do it, which notes it in its audit log. Where none has run, on a machine with workers only, Temporal is
 * asked from here.
 */
async function resumedBy(settings: Settings, name: string): Promise<string[]> {
  if (findApi(settings.dataDir) !== null) {
    const path = `/connections/${encodeURIComponent(name)}/resume`;
    return ((await new ApiClient(settings).post(path)) as ResumedAnswer).resumed;
  }
  const resumed = await withTemporal(({ resumeConnections }) => resumeConnections(settings, resumableAs(name) ?? []));
  printMessage('No bridge has run with this data folder, so this is in no audit log.');
  return resumed;
}

/** Loads Temporal's client only for the subcommands that need it. @throws OperationFailed when Temporal is away. */
async function withTemporal<Answer>(ask: (status: typeof connectionStatus) => Promise<Answer>): Promise<Answer> {
  const status = await import('../status/connection-status.js');
  try {
    return await ask(status);
  } catch (error) {
    throw error instanceof status.StatusUnavailable ? new OperationFailed(error.message) : error;
  }
}

function describeStatus(status: ConnectionStatus, zone: string): string[] {
  const { connection, uses, parked } = status;
  const head = `${connection.padEnd(9)} ${uses.padEnd(11)}`;
  if (parked === null) {
    return [`${head} not parked${whence(status)}`];
  }
  const { problem, since, line } = parked;
  const steps =
    line === null
      ? 'no worker answers, so the number of waiting steps is unknown'
      : `${line.waiting} ${line.waiting === 1 ? 'step waits' : 'steps wait'}, ${line.next_probe_at === null ? 'they continue now' : `next probe ${shownTime(line.next_probe_at, zone)}`}`;
  const remedy = problem.remedy ?? 'Correct the credential.';
  return [
    `${head} PARKED since ${shownTime(since, zone)}: ${problem.message} (${problem.code})${whence(status)}`,
    `${' '.repeat(22)}${steps}`,
    `${' '.repeat(22)}what to do: ${remedy}`,
    `${' '.repeat(22)}then: restart the bridge after a change of its settings; after one at the provider: bridge connections resume ${connection}`,
  ];
}

/** Why it uses what it uses. */
function whence({ uses, read_from: readFrom, missing }: ConnectionStatus): string {
  if (uses === 'credentials') {
    return `  (${readFrom.join(', ')})`;
  }
  return uses === 'stand-in' ? `  (not set: ${missing.join(', ')})` : '';
}
