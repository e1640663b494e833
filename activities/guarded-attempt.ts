import { ActionError, providerCode } from '../src/connectors/action-error';
import type { ActionLog } from '../src/connectors/action-log';
import { partName } from '../src/runs/names';
import type { ParkedConnections } from '../src/runs/parked-connections';
import type { ConnectionProblem, Release, WaitingStep } from '../src/runs/parking-contract';
import type { StepResult } from '../src/runs/run-contract';
import type { ConnectionGate } from './connection-gate';

/** The operations on parked connections that an attempt needs. */
export type Parking = Pick<
  ParkedConnections,
  'park' | 'enqueue' | 'reportWorking' | 'reportProbeOver' | 'checkQueueEveryMs'
>;

/** An attempt of a step, guarded by the gates of its connections. */
export interface GuardedAttempt {
  /** The gates of this worker's connections and of their parts, by name. */
  gates: ReadonlyMap<string, { readonly gate: ConnectionGate }>;
  /** Names of the connections that the step uses, its own first. A part's gate holds nothing back. */
  uses: readonly [string, ...string[]];
  /** What joins the queue of a parked connection. Null in a batch: nothing joins, and no queue is made. */
  step: WaitingStep | null;
  /** The release that caused this attempt: it passes that connection's gate. Null for an ordinary attempt. */
  release: Release | null;
  parking: Parking;
  log: ActionLog;
}

/**
 * Runs the attempt, unless a connection that it uses is parked. parking-contract.ts describes the protocol.
 *
 * Guarantees: when this throws class `credential` for a step that may join a queue, the step is in the queue of the
 * connection that the error names, and will be released.
 *
 * Not guaranteed: that no attempt reaches a parked connection. A worker learns seconds later of a connection that
 * another one parked.
 *
 * @throws ActionError the attempt's own; `credential` for an attempt that was held back; `transient` when the queue does
 *   not answer.
 */
export async function runUnlessParked(
  guarded: GuardedAttempt,
  attempt: () => Promise<StepResult>,
): Promise<StepResult> {
  for (const name of guarded.uses) {
    await failIfParked(guarded, name);
  }
  try {
    const result = await attempt();
    if (result.outcome === 'done' && guarded.release !== null) {
      await onSuccess(guarded, guarded.release);
    } else if (result.outcome === 'skipped') {
      await onProbeOver(guarded);
    }
    return result;
  } catch (error) {
    if (error instanceof ActionError && error.errorClass === 'credential') {
      throw await onCredentialError(guarded, error);
    }
    // Not after `ambiguous`: while answers get lost, every further probe can leave another effect to a person.
    if (error instanceof ActionError && error.errorClass === 'permanent') {
      await onProbeOver(guarded);
    }
    throw error;
  }
}

/** Adds the step to the queue of a parked connection. Without a queue the connection works again: its gate opens. */
async function failIfParked({ gates, release, parking, step }: GuardedAttempt, name: string): Promise<void> {
  const gate = gates.get(name)?.gate;
  const problem = gate?.problem ?? null;
  if (gate === undefined || problem === null || release?.connection === name) {
    return;
  }
  if (step === null) {
    throw heldBackError(name, problem, parking);
  }
  const isParked = await parking.enqueue(name, step).catch(() => {
    throw queueUnavailable(name);
  });
  if (isParked) {
    throw heldBackError(name, problem, parking);
  }
  gate.open();
}

/**
 * Parks the connection that failed, which need not be the step's own, or the part of it that refuses. A part holds back
 * no other step: HubSpot may refuse one record or property, so that a step like it can still succeed.
 *
 * @returns the error to throw.
 */
async function onCredentialError(
  { gates, uses, parking, step }: GuardedAttempt,
  error: ActionError,
): Promise<ActionError> {
  if (step === null) {
    return error;
  }
  const connection = gates.has(error.detail.connection) ? error.detail.connection : uses[0];
  const { part } = error.detail;
  const name = part === undefined ? connection : partName(connection, part);
  const problem: ConnectionProblem = {
    code: error.detail.code,
    message: error.message,
    remedy: error.detail.remedy ?? null,
  };
  try {
    await parking.park(name, step, problem);
  } catch {
    return queueUnavailable(name);
  }
  gates.get(name)?.gate.park(problem);
  return new ActionError('credential', error.message, {
    ...error.detail,
    connection: name,
    retryAfterMs: parking.checkQueueEveryMs,
  });
}

/**
 * Opens the gate after a released attempt. Other successes prove nothing: an attempt that began before the connection
 * was parked may succeed long after it.
 */
async function onSuccess({ gates, parking, log }: GuardedAttempt, { connection, probe }: Release): Promise<void> {
  gates.get(connection)?.gate.open();
  if (probe) {
    await parking.reportWorking(connection).catch(() => {
      log.warn(
        { connection },
        'the connection works again, but its queue in Temporal does not answer; the next probe will report it',
      );
    });
  }
}

/**
 * Lets the next waiting step try when this one, a probe, is over for a reason of its own: it may have failed before the
 * provider looked at the credential.
 */
async function onProbeOver({ release, parking, step, log }: GuardedAttempt): Promise<void> {
  if (release?.probe === true && step !== null) {
    const { connection } = release;
    await parking.reportProbeOver(connection, { run: step.run, step: step.step }).catch(() => {
      log.warn(
        { connection },
        'a probe is over, but the queue in Temporal does not answer; the next probe follows later',
      );
    });
  }
}

function heldBackError(
  connection: string,
  { code, message, remedy }: ConnectionProblem,
  parking: Parking,
): ActionError {
  return new ActionError('credential', message, {
    connection,
    code: providerCode(code),
    ...(remedy === null ? {} : { remedy }),
    retryAfterMs: parking.checkQueueEveryMs,
  });
}

function queueUnavailable(connection: string): ActionError {
  return new ActionError('transient', `${connection} is parked, and the queue of its steps does not answer`, {
    connection,
    code: 'line_unavailable',
  });
}
