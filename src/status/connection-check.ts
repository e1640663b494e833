import { ActionError } from '../connectors/action-error';
import type { ActionUse, Connector, UseProblem } from '../connectors/connector';
import { referencesIn } from '../rules/language/secret-references';
import { isTemplate } from '../rules/language/liquid';

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
    const problems = await judge(connection, client, needs).catch(unreadable);
    if (typeof problems === 'string') {
      return { connection: name, ok: true, detail: `${detail}; not compared with the rules: ${problems}` };
    }
    return problems.length === 0
      ? { connection: name, ok: true, detail }
      : { connection: name, ok: false, detail: `${problems.map(describeProblem).join('. ')}.` };
  } catch (error) {
    return { connection: name, ok: false, detail: describeFailure(error) };
  } finally {
    await connection.close?.(client);
  }
}

/** The reason why a service does not tell what it has, though it works: a token may have no permission to read that. */
function unreadable(error: unknown): string {
  if (error instanceof ActionError && error.errorClass !== 'transient') {
    return describeFailure(error);
  }
  throw error;
}

/** What one service says about the rules that use it. */
export type JudgedUses = { connection: string } & ({ problems: UseProblem[] } | { unchecked: string });

/**
 * Compares what rules write with the accounts that are connected, for ten seconds each at most. Never throws. Services
 * that cannot be asked such things, and those that no rule uses, are left out.
 *
 * @param needs how rules use the connection.
 */
export async function judgeUses(
  { name, connection }: Connector,
  settings: unknown,
  needs: readonly ActionUse[],
): Promise<JudgedUses | null> {
  if (connection.judge === undefined || needs.length === 0) {
    return null;
  }
  if (settings === null) {
    const missing = connection.credentials.map((key) => connection.environment[key] ?? key).join(', ');
    return { connection: name, unchecked: `no credentials (${missing})` };
  }
  const client = await connection.open(settings);
  try {
    return { connection: name, problems: await judge(connection, client, needs) };
  } catch (error) {
    return { connection: name, unchecked: describeFailure(error) };
  } finally {
    await connection.close?.(client);
  }
}

async function judge(
  connection: Connector['connection'],
  client: unknown,
  needs: readonly ActionUse[],
): Promise<UseProblem[]> {
  const isOpen = (text: string): boolean => isTemplate(text) || referencesIn(text).length > 0;
  return (await connection.judge?.(client, AbortSignal.timeout(ANSWER_WITHIN_MS), needs, isOpen)) ?? [];
}

function describeProblem({ use, message, hint }: UseProblem): string {
  return `${use.rules.length === 1 ? 'Rule' : 'Rules'} ${use.rules.join(', ')}: ${message}; ${hint}`;
}

function describeFailure(error: unknown): string {
  if (!(error instanceof ActionError)) {
    return 'it failed with an unexpected error';
  }
  const { remedy } = error.detail;
  return remedy === undefined ? error.message : `${error.message} ${remedy}`;
}
