import type { Client } from '@temporalio/client';
import { connectors } from '../connectors/registry';
import { resumeAll } from '../runs/parked-connections';
import type { Settings } from '../settings/settings';
import { checkConnection } from '../status/connection-check';
import { describeConnections } from '../status/connection-status';
import type { Question } from './child/messages';

/** What answers questions about connections. */
export interface Answering {
  client: Client;
  /** Those of this process' worker; null where workers elsewhere do the runs, with settings of their own. */
  worker: Pick<Settings, 'connections'> | null;
}

/**
 * Answers a question about connections, for the process that works with Temporal.
 *
 * - `resume`: `string[]`, those that were parked.
 * - `connections`: `ConnectionStatus[]`.
 * - `check`: `ConnectionCheck[]`; null without a worker here, whose credentials could be checked.
 *
 * @throws what Temporal's client throws.
 */
export function answerAboutConnections({ client, worker }: Answering, question: Question): Promise<unknown> {
  switch (question.about) {
    case 'resume':
      return resumeAll(client, question.connections);
    case 'connections':
      return describeConnections(client, connectors, worker);
    case 'check':
      return worker === null
        ? Promise.resolve(null)
        : Promise.all(
            connectors.map((connector) =>
              checkConnection(
                connector,
                worker.connections[connector.name]?.settings ?? null,
                question.uses[connector.name] ?? [],
              ),
            ),
          );
  }
}
