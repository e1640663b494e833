import { Client } from '@temporalio/client';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import pino from 'pino';
import { z } from 'zod';
import { ConnectionGate } from '../../activities/connection-gate';
import { attemptsByAction } from '../../activities/attempt';
import { createBatchActivity } from '../../activities/batch-activity';
import { createStepActivities } from '../../activities/step-activities';
import { reportConnection } from '../../src/worker/report-connection';
import { ActionError, providerCode } from '../../src/connectors/action-error';
import type { ErrorClass } from '../../src/errors/step-errors';
import type { ActionContext } from '../../src/connectors/action-context';
import { defineAction, defineConnector, type Connector } from '../../src/connectors/connector';
import type { CanonicalEvent } from '../../src/events/canonical-event';
import type { Plan, PlannedStep } from '../../src/rules/plan';
import { TemporalClaims } from '../../src/runs/claims';
import { TemporalCooldowns } from '../../src/runs/cooldowns';
import { EarlierClaims } from '../../src/runs/earlier-claims';
import { BATCH_ATTEMPT, parkableNames, REPORT_CONNECTION, TASK_QUEUE } from '../../src/runs/names';
import { TemporalOptOuts } from '../../src/runs/opt-outs';
import { ParkedConnections } from '../../src/runs/parked-connections';
import type { ParkingPace } from '../../src/runs/parking-contract';
import { eventOf } from '../events/event-of';
import type { TestNamespace } from './temporal-server';
import { NONE_REMEMBERED } from '../activities/step-tools';

/**
 * A connector whose only action does what its input says. The tests look at the run, its retries and its report.
 */
export interface Attempt {
  key: string;
  attempt: number;
  note: string;
  saved: unknown;
}
export interface Probe {
  attempts: Attempt[];
  /** By note. */
  failures: Map<string, (context: ActionContext<Probe>) => ActionError | null>;
  /** While set, every attempt fails with it. */
  down: ActionError | null;
}

const actionParts = {
  summary: 'Writes down that it ran.',
  input: z.strictObject({ note: z.string() }),
  output: z.object({ note: z.string() }),
  budget: '1h',
  attemptTimeout: '5s',
  run: async (context: ActionContext<Probe>, input: { note: string }) => {
    const { client, key, attempt, progress } = context;
    client.attempts.push({ key, attempt, note: input.note, saved: progress.last });
    const failure = client.down ?? client.failures.get(input.note)?.(context) ?? null;
    if (failure !== null) {
      throw failure;
    }
    return { outcome: 'done' as const, result: { note: `${input.note}!` } };
  },
};

/** The connector, under a name. */
export function probeConnector(name: string): Connector<{}, Probe> {
  return defineConnector<{}, Probe>({
    name,
    summary: 'For these tests.',
    connection: {
      settings: z.object({}),
      environment: {},
      credentials: [],
      parts: ['owners'],
      open: () => ({ attempts: [], failures: new Map(), down: null }),
    },
    actions: {
      repeat: defineAction<Probe>()({ ...actionParts, effect: 'repeatable' }),
      once: defineAction<Probe>()({ ...actionParts, effect: 'once' }),
    },
  });
}

export function error(errorClass: ErrorClass, retryAfterMs?: number): ActionError {
  return new ActionError(errorClass, 'the probe says no', {
    connection: 'probe',
    code: providerCode('no'),
    remedy: 'Say yes.',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

export function step(id: string, note: string, more: Partial<PlannedStep> = {}): PlannedStep {
  return {
    id,
    action: 'probe.repeat',
    effect: 'repeatable',
    input: { note },
    on_error: 'stop',
    retry: { for_ms: 60_000, every_ms: 50, max_every_ms: 200 },
    attempt_timeout_ms: 5_000,
    ...more,
  };
}

export function event(more: Partial<CanonicalEvent> = {}): CanonicalEvent {
  return eventOf({ declared_type: 'call_hungup', direction: 'inbound', reason: 'normal', ...more });
}

export function plan(rules: Record<string, PlannedStep[]>): Plan {
  return {
    ruleset: 'abcdef012345',
    rules: Object.entries(rules).map(([name, steps]) => ({ name, timezone: 'UTC', country: null, steps })),
  };
}

/** A line of the log. */
export interface Logged {
  level: string;
  msg: string;
  [field: string]: unknown;
}

/** A worker in this process, with gates of its own. */
export interface ProbeWorker {
  gates: Map<string, { gate: ConnectionGate }>;
  parking: ParkedConnections;
  /** Workflow ids of runs that wait for a connection. */
  waits: string[];
  log: Logged[];
  stop(): Promise<void>;
}

/** Bundles the workflows; once a test file. */
export function bundleWorkflows(): Promise<WorkflowBundleWithSourceMap> {
  return bundleWorkflowCode({
    workflowsPath: require.resolve('../../workflows/workflows'),
    logger: new DefaultLogger('ERROR'),
  });
}

/**
 * Starts a worker with these connections, each given with its client. Its Temporal connection is its own: two workers
 * cannot share one.
 */
export async function startProbeWorker(options: {
  temporal: TestNamespace;
  workflowBundle: WorkflowBundleWithSourceMap;
  connections: { connector: Connector; client: unknown }[];
  pace?: ParkingPace;
  checkQueueEveryMs?: number;
}): Promise<ProbeWorker> {
  const { address, namespace } = options.temporal;
  const connection = await NativeConnection.connect({ address });
  const client = new Client({ connection, namespace });
  const connections = new Map(options.connections.map((open) => [open.connector.name, open]));
  const gates = new Map(
    options.connections
      .flatMap(({ connector }) => parkableNames(connector))
      .map((name) => [name, { gate: new ConnectionGate() }]),
  );
  const parking = new ParkedConnections(client, options.pace, options.checkQueueEveryMs);
  const waits: string[] = [];
  const logged: Logged[] = [];
  const log = pino(
    { level: 'debug', base: null, formatters: { level: (level) => ({ level }) } },
    { write: (text: string) => void logged.push(JSON.parse(text) as Logged) },
  );
  const attempts = attemptsByAction({
    connections,
    gates,
    secrets: { lookUp: () => ({ ok: false, kind: 'missing', message: 'there is none', hint: 'make one' }) },
    render: (input, scope) =>
      Object.fromEntries(
        Object.entries(input).map(([name, value]) => [
          name,
          value === '{{first}}' ? JSON.stringify(scope.steps['first']) : value,
        ]),
      ),
    evaluate: (condition) => condition === 'true',
    isOurs: () => false,
    cooldowns: new TemporalCooldowns(new TemporalClaims(client, 'key'), new EarlierClaims(client, 'key')),
    optOuts: new TemporalOptOuts(client),
    parking,
    effects: NONE_REMEMBERED,
    log,
    onAttempt: () => undefined,
  });
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue: TASK_QUEUE,
    workflowBundle: options.workflowBundle,
    activities: {
      [REPORT_CONNECTION]: reportConnection(log),
      ...createStepActivities(attempts, (workflowId) => waits.push(workflowId)),
      [BATCH_ATTEMPT]: createBatchActivity(attempts, log),
    },
  });
  const working = worker.run();
  return {
    gates,
    parking,
    waits,
    log: logged,
    stop: async () => {
      worker.shutdown();
      await working;
      await connection.close();
    },
  };
}
