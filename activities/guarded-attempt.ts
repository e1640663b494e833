import { ActionError } from '../src/connectors/action-error';
import type { ActionLog } from '../src/connectors/connector';
import type { ParkedConnections } from '../src/runs/parked-connections';
import type { ConnectionProblem, GoOn, WaitingStep } from '../src/runs/parking-contract';
import type { StepResult } from '../src/runs/run-contract';
import type { ConnectionGate } from './connection-gate';

/** The lines of parked connections. */
export type Lines = Pick<ParkedConnections, 'failed' | 'heldBack' | 'works' | 'askAfterLineMs'>;

/** An attempt on its way to its provider. */
export interface Passage {
  /** All connections of this worker, by name. */
  connections: ReadonlyMap<string, { readonly gate: ConnectionGate }>;
  /** Names of the connections that the step uses, its own first. */
  uses: readonly [string, ...string[]];
  step: WaitingStep;
  /** The word of a line on which the attempt is made: it passes that connection's gate. */
  letGo: GoOn | null;
  lines: Lines;
  log: ActionLog;
}

/**
 * Makes the attempt, unless a connection that it uses is parked.
 *
 * Guaranteed: whenever this throws class `credential`, the step stands in the line of the connection that the error
 * names, and will be let go. Not guaranteed: that no attempt reaches a parked connection; one worker learns of
 * another's failure with its first own, or seconds later.
 *
 * @throws ActionError the attempt's own; `credential` for an attempt that was held back; `transient` when the line
 *   cannot be joined.
 */
export async function passGates(passage: Passage, attempt: () => Promise<StepResult>): Promise<StepResult> {
  for (const name of passage.uses) {
    await holdBack(passage, name);
  }
  try {
    const result = await attempt();
    if (result.outcome === 'done' && passage.letGo !== null) {
      await gotThrough(passage, passage.letGo);
    }
    return result;
  } catch (error) {
    if (error instanceof ActionError && error.errorClass === 'credential') {
      throw await parked(passage, error);
    }
    throw error;
  }
}

/** A gate that finds no line opens: the connection worked again without this worker's knowing. */
async function holdBack({ connections, letGo, lines, step }: Passage, name: string): Promise<void> {
  const gate = connections.get(name)?.gate;
  const problem = gate?.problem ?? null;
  if (gate === undefined || problem === null || letGo?.connection === name) {
    return;
  }
  const inLine = await lines.heldBack(name, step).catch(() => {
    throw lineUnavailable(name);
  });
  if (inLine) {
    throw asError(name, problem, lines);
  }
  gate.open();
}

/** Puts the step into the line of the connection that failed, which need not be the step's own. */
async function parked({ connections, uses, lines, step }: Passage, error: ActionError): Promise<ActionError> {
  const name = connections.has(error.detail.connection) ? error.detail.connection : uses[0];
  const problem: ConnectionProblem = {
    code: error.detail.code,
    message: error.message,
    remedy: error.detail.remedy ?? null,
  };
  try {
    await lines.failed(name, step, problem);
  } catch {
    return lineUnavailable(name);
  }
  connections.get(name)?.gate.park(problem);
  return new ActionError('credential', error.message, {
    ...error.detail,
    connection: name,
    retryAfterMs: lines.askAfterLineMs,
  });
}

/**
 * Only what was let go proves anything: an attempt that began before the connection was parked may end well after it.
 */
async function gotThrough({ connections, lines, log }: Passage, { connection, probe }: GoOn): Promise<void> {
  connections.get(connection)?.gate.open();
  if (probe) {
    await lines.works(connection).catch(() => {
      log.warn({ connection }, 'the connection works again, but its line could not be told; the next probe will');
    });
  }
}

function asError(connection: string, { code, message, remedy }: ConnectionProblem, lines: Lines): ActionError {
  return new ActionError('credential', message, {
    connection,
    code,
    ...(remedy === null ? {} : { remedy }),
    retryAfterMs: lines.askAfterLineMs,
  });
}

function lineUnavailable(connection: string): ActionError {
  return new ActionError(
    'transient',
    `${connection} is parked, and the line of its steps cannot be reached at the moment`,
    { connection, code: 'line_unavailable' },
  );
}
