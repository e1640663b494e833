import { Command } from 'commander';
import { ActionError } from '../connectors/action-error';
import { connectors } from '../connectors/registry';
import { FINE, NO } from '../errors/operator-errors';
import { listConnections, resumeConnection } from './parked-connections';
import { readSettings } from './read-settings';

const ANSWER_WITHIN_MS = 10_000;

/** `bridge connections`: whether the providers can be reached with the credentials given, and which are parked. */
export function connectionsCommand(): Command {
  const connections = new Command('connections').description('the providers that the bridge talks to');
  connections
    .command('check')
    .description('one harmless request to each provider that has credentials')
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }, command: Command) => {
      const settings = readSettings(command);
      const rows = await Promise.all(
        connectors.map((connector) => checkOne(connector, settings.connections[connector.name]?.settings ?? null)),
      );
      process.stdout.write(
        `${options.json === true ? JSON.stringify(rows, null, 2) : rows.map((row) => `${row.connection.padEnd(9)} ${row.ok ? 'fine' : 'NO  '}  ${row.detail}`).join('\n')}\n`,
      );
      process.exitCode = rows.every((row) => row.ok) ? FINE : NO;
    });
  connections
    .command('list')
    .description('every connection, and whether it is parked: its credential stopped working, and steps wait for it')
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }, command: Command) => {
      process.exitCode = await listConnections(connectors, readSettings(command), options.json === true);
    });
  connections
    .command('resume')
    .description('lets the oldest step that waits for a parked connection try at once')
    .argument('<name>', 'the connection: hubspot, slack, ...')
    .option('--json', 'print JSON')
    .action(async (name: string, options: { json?: true }, command: Command) => {
      process.exitCode = await resumeConnection(connectors, readSettings(command), name, options.json === true);
    });
  return connections;
}

async function checkOne(
  connector: (typeof connectors)[number],
  settings: unknown,
): Promise<{ connection: string; ok: boolean; detail: string }> {
  const { name, connection } = connector;
  if (settings === null) {
    return {
      connection: name,
      ok: true,
      detail: `no credentials (${connection.credentials.map((key) => connection.environment[key] ?? key).join(', ')}): its stand-in is used`,
    };
  }
  if (connection.check === undefined) {
    return { connection: name, ok: true, detail: 'nothing to check' };
  }
  const client = connection.open(settings);
  try {
    return {
      connection: name,
      ok: true,
      detail: await connection.check(client, AbortSignal.timeout(ANSWER_WITHIN_MS)),
    };
  } catch (error) {
    const detail =
      error instanceof ActionError
        ? `${error.message}${error.detail.remedy === undefined ? '' : ` ${error.detail.remedy}`}`
        : 'it failed in an unexpected way';
    return { connection: name, ok: false, detail };
  } finally {
    await connection.close?.(client);
  }
}
