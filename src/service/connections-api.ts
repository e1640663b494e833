import { z } from 'zod';
import { ApiError, wrongRequest, type ApiRoute } from '../admin/api';
import { MOST_SHOWN, type TakenItem } from '../connectors/mailbox';
import { connectors, usesOfConnection } from '../connectors/registry';
import { parkableNames } from '../runs/names';
import type { Rule } from '../rules/rule';
import type { SecretState } from '../settings/rule-secrets';
import type { ConnectionCheck } from '../status/connection-check';
import type { ConnectionStatus } from '../status/connection-status';
import type { Question } from './child/messages';
import type { Mode } from './processes';

/** What `POST /connections/:name/resume` answers. */
export interface ResumedAnswer {
  connection: string;
  /** The connection and those of its parts that were parked. Their oldest waiting steps try now. */
  resumed: string[];
}

/** What `GET /connections` answers. */
export interface ConnectionsAnswer {
  mode: Mode;
  connections: ConnectionStatus[];
}

/** What `POST /connections/check` answers. */
export interface ChecksAnswer {
  mode: Mode;
  /** Null in mode receiver: the workers elsewhere have settings of their own. */
  checks: ConnectionCheck[] | null;
}

/** What `POST /secrets/check` answers. */
export interface SecretsAnswer {
  mode: Mode;
  /** By reference; null in mode receiver: the workers elsewhere have secrets of their own. */
  secrets: Record<string, SecretState> | null;
}

/** What `GET /stand-ins` answers. */
export interface StandInsAnswer {
  mode: Mode;
  /** The stand-ins that run, with what they took last, oldest first; null in mode receiver. */
  stand_ins: { connection: string; items: TakenItem[] }[] | null;
}

const secretsBody = z.object({ references: z.array(z.string().max(10_000)).max(10_000) });

const standInsQuery = z.object({
  connection: z.string().optional(),
  last: z.coerce.number().int().min(1).max(MOST_SHOWN).default(10),
});

/** Calls of the API about connections. */
export function connectionRoutes(options: {
  mode: Mode;
  /** Asks the process that works with Temporal. @throws Error that says why there is no answer. */
  ask: (question: Question) => Promise<unknown>;
  /** The live rules in force. */
  rules: () => readonly Rule[];
  /** Adds an entry to the audit log. */
  record: (who: string, operation: string, detail: object, count: number) => void;
}): ApiRoute[] {
  const { mode } = options;
  /** Only the code of this program answers, so what it says is not judged again. */
  const ask = async (question: Question, refusal: string): Promise<unknown> => {
    try {
      return await options.ask(question);
    } catch (error) {
      throw new ApiError(503, refusal, error instanceof Error ? error.message : 'unknown error');
    }
  };
  return [
    {
      method: 'GET',
      path: '/connections',
      run: async (): Promise<ConnectionsAnswer> => ({
        mode,
        connections: (await ask({ about: 'connections' }, 'not_known')) as ConnectionStatus[],
      }),
    },
    {
      method: 'POST',
      path: '/connections/check',
      run: async (): Promise<ChecksAnswer> => {
        const rules = options.rules();
        const uses = Object.fromEntries(
          connectors.map(({ name }) => [
            name,
            usesOfConnection(name, rules).map((use) => ({ ...use, rules: [...use.rules] })),
          ]),
        );
        return { mode, checks: (await ask({ about: 'check', uses }, 'not_checked')) as ConnectionCheck[] | null };
      },
    },
    {
      method: 'POST',
      path: '/secrets/check',
      run: async ({ body }): Promise<SecretsAnswer> => {
        const asked = secretsBody.safeParse(body);
        if (!asked.success) {
          throw wrongRequest(asked.error.issues);
        }
        const found = await ask({ about: 'secrets', references: asked.data.references }, 'not_checked');
        return { mode, secrets: found as SecretsAnswer['secrets'] };
      },
    },
    {
      method: 'GET',
      path: '/stand-ins',
      run: async ({ query }): Promise<StandInsAnswer> => {
        const asked = standInsQuery.safeParse(query);
        if (!asked.success) {
          throw wrongRequest(asked.error.issues);
        }
        const { connection = null, last } = asked.data;
        const found = await ask({ about: 'stand-ins', connection, last }, 'not_known');
        return { mode, stand_ins: found as StandInsAnswer['stand_ins'] };
      },
    },
    {
      method: 'POST',
      path: '/connections/:name/resume',
      run: async ({ params, who }): Promise<ResumedAnswer> => {
        const name = params['name'] ?? '';
        const names = resumableAs(name);
        if (names === null) {
          const known = connectors.map((connector) => connector.name).join(', ');
          throw new ApiError(404, 'unknown_connection', `there is no connection ${name}; there are ${known}`);
        }
        const resumed = z.array(z.string()).parse(await ask({ about: 'resume', connections: names }, 'not_resumed'));
        if (resumed.length > 0) {
          options.record(who, 'connections.resume', { connections: resumed }, resumed.length);
        }
        return { connection: name, resumed };
      },
    },
  ];
}

/** What is resumed with a name: a connection with all its parts, or a part alone; null for an unknown name. */
export function resumableAs(name: string): string[] | null {
  const connector = connectors.find((candidate) => candidate.name === name);
  if (connector !== undefined) {
    return parkableNames(connector);
  }
  return connectors.flatMap(parkableNames).includes(name) ? [name] : null;
}
