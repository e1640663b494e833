import type { Client } from '@temporalio/client';
import { latest, type TakenItem } from '../connectors/mailbox';
import { connectors } from '../connectors/registry';
import { resumeAll } from '../runs/parked-connections';
import { stateOf } from '../settings/rule-secrets';
import type { Settings } from '../settings/settings';
import { checkConnection } from '../status/connection-check';
import { describeConnections } from '../status/connection-status';
import type { Question } from './child/messages';

/** What answers questions about connections. */
export interface Answering {
  client: Client;
  /** Those of this process' worker; null where workers elsewhere do the runs, with settings of their own. */
  worker: Pick<Settings, 'connections' | 'ruleSecrets'> | null;
  /** What each stand-in of that worker took, by connection. */
  standIns: ReadonlyMap<string, () => TakenItem[]>;
}

/**
 * Answers a question about connections, for the process that works with Temporal.
 *
 * - `resume`: `string[]`, those that were parked.
 * - `connections`: `ConnectionStatus[]`.
 * - `check`: `ConnectionCheck[]`; null without a worker here, whose credentials could be checked.
 * - `secrets`: `Record<string, SecretState>`, by reference; null without a worker here, whose secrets they are.
 * - `stand-ins`: `{ connection, items: TakenItem[] }[]`, those that run; null without a worker here.
 *
 * @throws what Temporal's client throws.
 */
export function answerAboutConnections({ client, worker, standIns }: Answering, question: Question): Promise<unknown> {
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
    case 'secrets':
      return Promise.resolve(
        worker === null
          ? null
          : Object.fromEntries(
              question.references.map((reference) => [reference, stateOf(worker.ruleSecrets.lookUp(reference))]),
            ),
      );
    case 'stand-ins':
      return Promise.resolve(
        worker === null
          ? null
          : [...standIns].flatMap(([connection, taken]) =>
              question.connection === null || question.connection === connection
                ? [{ connection, items: latest(taken(), question.last) }]
                : [],
            ),
      );
  }
}
