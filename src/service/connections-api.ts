import { ApiError, type ApiRoute } from '../admin/api';
import { connectors } from '../connectors/registry';
import { parkableNames } from '../runs/names';

/** What `POST /connections/:name/resume` answers. */
export interface ResumedAnswer {
  connection: string;
  /** The connection and those of its parts that were parked. Their oldest waiting steps try now. */
  resumed: string[];
}

/** Calls of the API about connections. */
export function connectionRoutes(options: {
  /** Lets the oldest waiting step of each try. @returns those that were parked. @throws Error that says why not. */
  resume: (connections: readonly string[]) => Promise<string[]>;
  /** Adds an entry to the audit log. */
  record: (who: string, operation: string, detail: object, count: number) => void;
}): ApiRoute[] {
  return [
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
        let resumed: string[];
        try {
          resumed = await options.resume(names);
        } catch (error) {
          throw new ApiError(503, 'not_resumed', error instanceof Error ? error.message : 'unknown error');
        }
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
