import type { Client } from '@temporalio/client';
import type { Connector } from '../connectors/connector';
import { didYouMean } from '../yaml/nearest-name';
import type { Settings } from '../settings/settings';
import { ParkedConnections, type ParkedConnection } from '../runs/parked-connections';
import { describeTemporalError } from '../runs/temporal-error';
import { askTemporal } from '../status/temporal-client';
import { FINE, NO, Refused, WrongUse } from '../errors/operator-errors';

/** A connection as `bridge connections list` tells of it. */
interface ListedConnection {
  connection: string;
  uses: 'credentials' | 'stand-in' | 'none needed';
  state: 'not_parked' | 'parked';
  parked: ParkedConnection | null;
}

/** `bridge connections list`. @returns the exit code. @throws Refused when Temporal cannot be asked. */
export async function listConnections(
  connectors: readonly Connector[],
  settings: Settings,
  json: boolean,
): Promise<number> {
  const rows = await askLines(settings, async (lines) => {
    const asked: ListedConnection[] = [];
    // One after the other: the first that Temporal does not answer ends it, with no other under way.
    for (const { name, connection } of connectors) {
      const uses =
        connection.credentials.length === 0
          ? 'none needed'
          : (settings.connections[name]?.settings ?? null) === null
            ? 'stand-in'
            : 'credentials';
      const parked = await lines.describe(name);
      asked.push({ connection: name, uses, state: parked === null ? 'not_parked' : 'parked', parked });
    }
    return asked;
  });
  process.stdout.write(`${json ? JSON.stringify(rows, null, 2) : rows.map(describeRow).join('\n')}\n`);
  return rows.some((row) => row.parked !== null) ? NO : FINE;
}

/**
 * `bridge connections resume NAME`. @returns the exit code. @throws WrongUse for an unknown name, Refused when Temporal
 * cannot be asked.
 */
export async function resumeConnection(
  connectors: readonly Connector[],
  settings: Settings,
  name: string,
  json: boolean,
): Promise<number> {
  const names = connectors.map((connector) => connector.name);
  if (!names.includes(name)) {
    const { hint } = { hint: `there are ${names.join(', ')}`, ...didYouMean(name, names) };
    throw new WrongUse(`unknown connection "${name}"; ${hint}`);
  }
  const resumed = await askLines(settings, (lines) => lines.resume(name));
  const text = resumed
    ? `${name}: the oldest step that waits tries now; when it gets through, all go on, oldest first`
    : `${name} is not parked; no step waits for it`;
  process.stdout.write(`${json ? JSON.stringify({ connection: name, resumed }) : text}\n`);
  return resumed ? FINE : NO;
}

async function askLines<Answer>(
  settings: Settings,
  ask: (lines: ParkedConnections) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await askTemporal(settings, (client: Client) => ask(new ParkedConnections(client)));
  } catch (error) {
    throw new Refused(`Temporal cannot be asked: ${describeTemporalError(error)}. Is the bridge running?`);
  }
}

function describeRow({ connection, uses, parked }: ListedConnection): string {
  const head = `${connection.padEnd(9)} ${uses.padEnd(11)}`;
  if (parked === null) {
    return `${head} not parked`;
  }
  const { problem, since, line } = parked;
  const steps =
    line === null
      ? 'no worker tells how many steps wait'
      : `${line.waiting} ${line.waiting === 1 ? 'step waits' : 'steps wait'}, ${line.next_probe_at === null ? 'they go on now' : `next probe ${line.next_probe_at}`}`;
  const todo = `Then restart the bridge (a new value is read at a start), or, when it was mended at the provider: bridge connections resume ${connection}`;
  return [
    `${head} PARKED since ${since}: ${problem.message} (${problem.code})`,
    `${' '.repeat(22)}${steps}`,
    `${' '.repeat(22)}what to do: ${problem.remedy ?? 'Mend the credential.'} ${todo}`,
  ].join('\n');
}
