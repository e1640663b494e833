import { join } from 'node:path';
import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { attemptsByAction, type StepTools } from '../../activities/attempt';
import { createBatchActivity } from '../../activities/batch-activity';
import { createStepActivities } from '../../activities/step-activities';
import type { Connector } from '../connectors/connector';
import type { TakenItem } from '../connectors/mailbox';
import { STEP_ERRORS } from '../errors/step-errors';
import type { OwnNumbers } from '../events/own-numbers';
import { ActionError } from '../connectors/action-error';
import { evaluateCondition } from '../rules/language/condition';
import { renderInput, TemplateError } from '../rules/language/template';
import type { Settings } from '../settings/settings';
import type { BatchReport } from '../runs/batch-contract';
import { TemporalClaims } from '../runs/claims';
import { TemporalCooldowns } from '../runs/cooldowns';
import { EarlierClaims } from '../runs/earlier-claims';
import { TemporalLimits } from '../runs/limits';
import { BATCH_ATTEMPT, CLAIM_LIMITS, DECIDE_RULES, RECORD_OPT_OUT, REPORT_CONNECTION } from '../runs/names';
import { TemporalOptOuts } from '../runs/opt-outs';
import type { JsonObject } from '../events/json';
import { ParkedConnections } from '../runs/parked-connections';
import type { RunReport } from '../runs/run-contract';
import { claimLimits } from './claim-limits';
import { decideRules } from './decide-rules';
import { createWorker } from './create-worker';
import { EffectMemory } from './effect-memory';
import { limitValueOf } from './limit-value';
import { openConnections } from './open-connections';
import { recordOptOut } from './record-opt-out';
import { refreshGates } from './refresh-gates';
import { reportConnection } from './report-connection';

/** Running attempts may take this long after a stop. Then they are cancelled, and another worker retries them. */
const SHUTDOWN_GRACE_MS = 12_000;

/** A worker that polls Temporal. */
export interface RunningWorker {
  /** Names of the connections that a stand-in answers. */
  standIns: string[];
  /** The settings that lead to each of them, by connection. */
  standInSettings: Record<string, JsonObject>;
  /** What each stand-in took, by connection. */
  mailboxes: ReadonlyMap<string, () => TakenItem[]>;
  /** Where VoIPBIN's stand-in is, when it is one. */
  voipbinStandIn: string | null;
  /** Parked connections by name, with the reason. */
  parked(): Record<string, string>;
  /** Whether Temporal has said what is parked. Before, {@link parked} has only what this worker parked itself. */
  isParkedKnown(): boolean;
  /** Resolves when the worker has ended, by {@link stop} or by itself. @throws when it ended with an error. */
  ended: Promise<void>;
  /** Whether all work is done. {@link ended} may still wait for Temporal to confirm the shutdown. */
  isDrained(): boolean;
  stop(): Promise<void>;
}

/** Callbacks of the worker. */
export interface WorkerEvents {
  /** Called when an attempt failed and another will follow: the run waits, and no longer counts as in flight. */
  onWaiting: (workflowId: string) => void;
  onAttempt: StepTools['onAttempt'];
  /**
   * Called when a run ends in this worker, just before Temporal records the end, and again when that fails. The
   * dispatcher records the end in the run log (service/worker-process.ts).
   */
  onRunEnded: (workflowId: string, failed: boolean, report: RunReport) => void;
  /** The same for a batch. */
  onBatchEnded: (batchId: string, report: BatchReport) => void;
  /** Called when an effect was done and could not be remembered (effect-memory.ts). */
  onEffectNotKept: () => void;
}

/**
 * Starts the worker. It registers with Temporal:
 *
 * - the workflows of `workflows/workflows.ts`, as one compiled bundle;
 * - the activity of each action (`<connector>.<action>`), made by `activities/step-activities.ts`;
 * - the activity `batch.attempt` (`activities/batch-activity.ts`);
 * - the activities `rules.claim_limits` (runs/limits.ts), `rules.decide` (decide-rules.ts), `opt_outs.record`
 *   (record-opt-out.ts) and `connections.report` (report-connection.ts);
 * - the sinks `runs.ended` and `runs.batchEnded`, which `workflows/handle-event.ts` and `handle-batch.ts` call at the end
 *   of a run or batch.
 */
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
  const { onRunEnded, onBatchEnded, onWaiting, onAttempt, onEffectNotKept } = options.events;
  const connections = await openConnections(options.connectors, settings, log);
  const client = new Client({ connection, namespace });
  const hashKey = claimsHashKey(settings);
  const claims = new TemporalClaims(client, hashKey);
  const earlierClaims = new EarlierClaims(client, hashKey);
  const cooldowns = new TemporalCooldowns(claims, earlierClaims);
  const limits = new TemporalLimits(claims, earlierClaims, cooldowns, limitValueOf);
  const optOuts = new TemporalOptOuts(client);
  const parkedConnections = new ParkedConnections(client);
  const effects = EffectMemory.open(settings.dataDir, { log, onNotKept: onEffectNotKept });
  const attempts = attemptsByAction({
    connections: connections.byName,
    gates: connections.gates,
    render: (input, scope, action) =>
      asPermanent(() =>
        renderInput(input, {
          ...scope,
          sinkOf: (name) => action.sinkOf(name),
          accepts: (path, value) => action.accepts(path, value),
          isMoment: (name) => action.isMoment(name),
        }),
      ),
    secrets: settings.ruleSecrets,
    evaluate: (condition, scope) => asPermanent(() => evaluateCondition(condition, scope)),
    isOurs: (number) => options.ownNumbers.has(number),
    cooldowns,
    optOuts,
    parking: parkedConnections,
    effects,
    log,
    onAttempt,
  });
  const worker = await createWorker({
    connection,
    namespace,
    bundlePath: join(__dirname, '..', '..', 'workflow-bundle.js'),
    shutdownGraceMs: SHUTDOWN_GRACE_MS,
    activities: {
      [CLAIM_LIMITS]: claimLimits(limits, options.ownNumbers),
      [DECIDE_RULES]: decideRules(options.ownNumbers),
      [RECORD_OPT_OUT]: recordOptOut(optOuts),
      [REPORT_CONNECTION]: reportConnection(log),
      ...createStepActivities(attempts, onWaiting),
      [BATCH_ATTEMPT]: createBatchActivity(attempts, log),
    },
    sinks: {
      runs: {
        ended: {
          fn: ({ workflowId }, failed, report) => onRunEnded(workflowId, failed, report),
          callDuringReplay: false,
        },
        batchEnded: {
          fn: ({ workflowId }, report) => onBatchEnded(workflowId, report),
          callDuringReplay: false,
        },
      },
    },
  });
  let isParkedKnown = false;
  const stopRefreshing = refreshGates(connections.gates, parkedConnections, log, undefined, () => {
    isParkedKnown = true;
  });
  const ended = runAndClose(worker, async () => {
    await stopRefreshing();
    await connections.close();
    effects.close();
  });
  return {
    standIns: connections.standIns,
    standInSettings: connections.standInSettings,
    mailboxes: connections.mailboxes,
    voipbinStandIn: connections.voipbinStandIn,
    isParkedKnown: () => isParkedKnown,
    parked: () =>
      Object.fromEntries(
        [...connections.gates].flatMap(([name, { gate }]) => {
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

async function runAndClose(worker: { run(): Promise<void> }, close: () => Promise<void>): Promise<void> {
  try {
    await worker.run();
  } finally {
    await close();
  }
}

/** Classifies a failing template or condition as permanent: a retry would fail again. */
function asPermanent<Result>(evaluate: () => Result): Result {
  try {
    return evaluate();
  } catch (error) {
    if (error instanceof TemplateError) {
      throw new ActionError('permanent', error.message, {
        connection: 'rules',
        code: error.code,
        remedy:
          error.code === 'over_budget'
            ? STEP_ERRORS.over_budget.remedy
            : 'Fix the template or condition in the rule file. `bridge rules check` finds most such errors.',
      });
    }
    throw error;
  }
}

/** A key that all workers of an account share: the first webhook secret; without one, a constant. */
function claimsHashKey(settings: Settings): string {
  return settings.receiver.webhookSecrets[0]?.reveal() ?? 'voipbin-bridge';
}
