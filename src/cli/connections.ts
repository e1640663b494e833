import type { Command } from 'commander';
import { connectors, usesOfConnection } from '../connectors/registry';
import { EXIT_FAILED, EXIT_OK, OperationFailed, WrongUse } from '../errors/operator-errors';
import { findApi } from '../operations/api-access';
import { ApiClient } from '../operations/api-client';
import { resumableAs, type ResumedAnswer } from '../service/connections-api';
import { liveRulesOf } from '../service/rules-in-force';
import { Proxies } from '../net/proxies';
import type { Settings } from '../settings/settings';
import { checkConnection } from '../status/connection-check';
import type * as connectionStatus from '../status/connection-status';
import type { ConnectionStatus } from '../status/connection-status';
import { didYouMean } from '../yaml/nearest-name';
import { printMessage } from '../text/print';
import { printableLines } from '../text/printable';
import { printResult } from './print';
import { defineProve } from './prove-connections';
import { readSettings } from './read-settings';

interface Options {
  json?: true;
}

/** `bridge connections`: whether the providers accept the credentials, and which connections are parked. */
export function defineConnections(connections: Command): void {
  connections
    .command('check')
    .description(
      'ask each provider that has credentials, with harmless requests, whether it permits what the live rules need',
    )
    .option('--json', 'print JSON')
    .action(check);
  defineProve(connections.command('prove'));
  connections
    .command('list')
    .description(
      'list every connection, and whether it is parked: its credential stopped working and steps wait for it',
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
  const rules = liveRulesOf(settings);
  if (rules === null) {
    printMessage(
      'The rule files are missing or have errors (bridge rules check), so only the credentials are checked, not what the rules need.',
    );
  }
  const checks = await Promise.all(
    connectors.map((connector) =>
      checkConnection(
        connector,
        settings.connections[connector.name]?.settings ?? null,
        usesOfConnection(connector.name, rules ?? []),
      ),
    ),
  );
  printResult(options.json, checks, () =>
    printableLines([
      ...checks.map(({ connection, ok, detail }) => `${connection.padEnd(9)} ${ok ? 'fine' : 'NO  '}  ${detail}`),
      ...proxyLines(),
    ]),
  );
  process.exitCode = checks.every(({ ok }) => ok) ? EXIT_OK : EXIT_FAILED;
}

/** Says through which proxies the requests go: none does that the environment of this command does not name. */
function proxyLines(): string[] {
  const proxies = new Proxies(process.env).describe();
  return proxies === null ? [] : [`Requests go out through proxies: ${proxies}. E-mail does not.`];
}

async function list(options: Options, command: Command): Promise<void> {
  const settings = readSettings(command);
  const statuses = await withTemporal(({ connectionStatuses }) => connectionStatuses(connectors, settings));
  printResult(options.json, statuses, () => printableLines(statuses.flatMap(describeStatus)));
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

function describeStatus({ connection, uses, parked }: ConnectionStatus): string[] {
  const head = `${connection.padEnd(9)} ${uses.padEnd(11)}`;
  if (parked === null) {
    return [`${head} not parked`];
  }
  const { problem, since, line } = parked;
  const steps =
    line === null
      ? 'no worker answers, so the number of waiting steps is unknown'
      : `${line.waiting} ${line.waiting === 1 ? 'step waits' : 'steps wait'}, ${line.next_probe_at === null ? 'they continue now' : `next probe ${line.next_probe_at}`}`;
  const remedy = problem.remedy ?? 'Correct the credential.';
  return [
    `${head} PARKED since ${since}: ${problem.message} (${problem.code})`,
    `${' '.repeat(22)}${steps}`,
    `${' '.repeat(22)}what to do: ${remedy}`,
    `${' '.repeat(22)}then: restart the bridge after a change of its settings; after one at the provider: bridge connections resume ${connection}`,
  ];
}
