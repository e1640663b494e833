import { join } from 'node:path';
import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createStepActivities, type StepTools } from '../../activities/step-activities';
import type { Connector } from '../connectors/connector';
import type { CanonicalEvent } from '../events/canonical-event';
import type { OwnNumbers } from '../events/own-numbers';
import { ActionError } from '../connectors/action-error';
import { toE164 } from '../events/phone';
import { fieldNamed } from '../rules/language/fields';
import { evaluateCondition } from '../rules/language/condition';
import { renderInput, TemplateError } from '../rules/language/template';
import type { Settings } from '../settings/settings';
import { TemporalCooldowns } from '../runs/cooldowns';
import { TemporalLimits } from '../runs/limits';
import { CLAIM_LIMITS, REPORT_CONNECTION } from '../runs/names';
import { ParkedConnections } from '../runs/parked-connections';
import type { LimitsInput, LimitsResult } from '../runs/run-contract';
import { createWorker } from './create-worker';
import { openConnections } from './open-connections';
import { refreshGates } from './refresh-gates';
import { reportConnection } from './report-connection';

/**
 * Attempts that are under way may take this long once the worker is told to stop; then they are cancelled, and made
 * again elsewhere.
 */
const SHUTDOWN_GRACE_MS = 12_000;

/** A worker that is polling. */
export interface RunningWorker {
  standIns: string[];
  /** Connections that are parked, by name, with why. */
  parked(): Record<string, string>;
  /** Resolves when the worker has ended, by {@link stop} or by itself. @throws when it ended with an error. */
  ended: Promise<void>;
  /** Whether nothing is under way any more. {@link ended} may still wait for Temporal, which is told last. */
  isDrained(): boolean;
  stop(): Promise<void>;
}

/** What the rest of the process hears from the worker. */
export interface WorkerEvents {
  onWaiting: StepTools['onWaiting'];
  onAttempt: StepTools['onAttempt'];
  onRunEnded: Parameters<typeof createWorker>[0]['onRunEnded'];
}

/** Starts the worker: workflows and actions, polling Temporal. */
export async function startWorker(options: {
  connection: NativeConnection;
  namespace: string;
  connectors: readonly Connector[];
  settings: Settings;
  ownNumbers: OwnNumbers;
  log: Logger;
  events: WorkerEvents;
}): Promise<RunningWorker> {
  const { connection, namespace, settings, log } = options;
  const { onRunEnded, ...stepEvents } = options.events;
  const connections = await openConnections(options.connectors, settings, log);
  const client = new Client({ connection, namespace });
  const hashKey = cooldownHashKey(settings);
  const cooldowns = new TemporalCooldowns(client, hashKey);
  const limits = new TemporalLimits(client, cooldowns, hashKey, valueForLimit);
  const lines = new ParkedConnections(client);
  const worker = await createWorker({
    connection,
    namespace,
    bundlePath: join(__dirname, '..', '..', 'workflow-bundle.js'),
    onRunEnded,
    shutdownGraceMs: SHUTDOWN_GRACE_MS,
    activities: {
      [CLAIM_LIMITS]: (input: LimitsInput): Promise<LimitsResult> => limits.claim(input),
      [REPORT_CONNECTION]: reportConnection(log),
      ...createStepActivities({
        connections: connections.byName,
        render: (input, scope, sinkOf) => asPermanent(() => renderInput(input, { ...scope, sinkOf })),
        evaluate: (condition, scope) => asPermanent(() => evaluateCondition(condition, scope)),
        isOurs: (number) => options.ownNumbers.has(number),
        cooldowns,
        lines,
        log,
        ...stepEvents,
      }),
    },
  });
  const stopRefreshing = refreshGates(connections.byName, lines, log);
  const ended = runThen(worker, async () => {
    await stopRefreshing();
    await connections.close();
  });
  return {
    standIns: connections.standIns,
    parked: () =>
      Object.fromEntries(
        [...connections.byName].flatMap(([name, { gate }]) => {
          const { problem } = gate;
          return problem === null ? [] : [[name, `${problem.message} (${problem.code})`]];
        }),
      ),
    ended,
    isDrained: () => worker.getState() === 'DRAINED' || worker.getState() === 'STOPPED',
    stop: async () => {
      void stopRefreshing();
      if (worker.getState() === 'RUNNING') {
        worker.shutdown();
      }
      await ended;
    },
  };
}

/** What a limit is counted per: one number is the same however it is written. */
function valueForLimit(event: CanonicalEvent, field: string): string | null {
  const value = fieldNamed(field)?.read(event) ?? null;
  if (value === null) {
    return null;
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return toE164(text, null) ?? text;
}

async function runThen(worker: { run(): Promise<void> }, close: () => Promise<void>): Promise<void> {
  try {
    await worker.run();
  } finally {
    await close();
  }
}

/** A template or condition that fails once fails again: no use in retrying. */
function asPermanent<Result>(evaluate: () => Result): Result {
  try {
    return evaluate();
  } catch (error) {
    if (error instanceof TemplateError) {
      throw new ActionError('permanent', error.message, {
        connection: 'rules',
        code: 'template',
        remedy: 'Mend the template or condition in the rule file; bridge rules check finds most such mistakes.',
      });
    }
    throw error;
  }
}

/** The same on every worker of an account: the first webhook secret, which all of them share; else a fixed word. */
function cooldownHashKey(settings: Settings): string {
  return settings.receiver.webhookSecrets[0]?.reveal() ?? 'voipbin-bridge';
}
