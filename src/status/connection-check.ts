import { ActionError } from '../connectors/action-error';
import type { ActionUse, Connector } from '../connectors/connector';

const ANSWER_WITHIN_MS = 10_000;

/** The result of checking one connection. The names are the JSON keys of `connections check --json`. */
export interface ConnectionCheck {
  connection: string;
  ok: boolean;
  /** What is connected, or why not and what to do. */
  detail: string;
}

/**
 * Checks with harmless requests that a connection works and permits what the rules need, for ten seconds at most. Never
 * throws. A connection without credentials is ok: its stand-in is used.
 *
 * @param settings the connection's settings; null without credentials.
 * @param needs how the live rules use it; empty when it is not known.
 */
export async function checkConnection(
  { name, connection }: Connector,
  settings: unknown,
  needs: readonly ActionUse[],
): Promise<ConnectionCheck> {
  if (settings === null) {
    const missing = connection.credentials.map((key) => connection.environment[key] ?? key).join(', ');
    return { connection: name, ok: true, detail: `no credentials (${missing}): its stand-in is used` };
  }
  if (connection.check === undefined) {
    return { connection: name, ok: true, detail: 'nothing to check' };
  }
  const client = await connection.open(settings);
  try {
    const detail = await connection.check(client, AbortSignal.timeout(ANSWER_WITHIN_MS), needs);
    return { connection: name, ok: true, detail };
  } catch (error) {
    return { connection: name, ok: false, detail: describeFailure(error) };
  } finally {
    await connection.close?.(client);
  }
}

function describeFailure(error: unknown): string {
  if (!(error instanceof ActionError)) {
    return 'it failed with an unexpected error';
  }
  const { remedy } = error.detail;
  return remedy === undefined ? error.message : `${error.message} ${remedy}`;
}
