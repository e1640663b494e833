import { ApplicationFailure, Context } from '@temporalio/activity';
import { ActionError } from '../src/connectors/action-error';
import type { Action, ActionContext, ActionLog, Connector, Cooldowns, Sink } from '../src/connectors/connector';
import type { CanonicalEvent } from '../src/events/canonical-event';
import type { JsonObject, JsonValue } from '../src/events/json';
import { actionKey } from '../src/temporal/names';
import type { StepFailureDetail, StepInput, StepResult } from '../src/temporal/run';
import type { ConnectionGate } from './connection-gate';

/** What a template or condition of a step may refer to. */
export interface StepScope {
  event: CanonicalEvent;
  steps: Record<string, JsonValue>;
  timezone: string;
  country: string | null;
}

/** An open connection with the connector that it belongs to. */
export interface OpenConnection {
  connector: Connector;
  client: unknown;
  gate: ConnectionGate;
}

/** What every action needs from the worker around it. */
export interface StepTools {
  connections: ReadonlyMap<string, OpenConnection>;
  /** Renders the templates of a step's input. Throws when one cannot be rendered; the message holds no personal data. */
  render(input: JsonObject, scope: StepScope, sinkOf: (inputName: string) => Sink): JsonObject;
  /** Evaluates a step's CEL condition. Throws like `render`. */
  evaluate(condition: string, scope: StepScope): boolean;
  isOurs(number: string): boolean;
  cooldowns: Cooldowns;
  log: ActionLog & { debug(fields: Record<string, unknown>, message: string): void };
  /** Called when an attempt failed in a way that will be retried: its run waits, and no longer counts as in flight. */
  onWaiting(workflowId: string): void;
  /** Called after every attempt, for the metrics. `class` is null unless it failed. */
  onAttempt(attempt: { action: string; outcome: 'done' | 'skipped' | 'failed'; class: string | null; seconds: number }): void;
}

/** Often enough for cancellation to be noticed, and well within the heartbeat time-out of `workflows/run-step.ts`. */
const HEARTBEAT_EVERY_MS = 5_000;

/** One activity per action, by the action's full name. */
export function createStepActivities(tools: StepTools): Record<string, (input: StepInput) => Promise<StepResult>> {
  const activities: Record<string, (input: StepInput) => Promise<StepResult>> = {};
  for (const connection of tools.connections.values()) {
    for (const [name, action] of Object.entries(connection.connector.actions)) {
      activities[`${connection.connector.name}.${name}`] = (input) => runAttempt(tools, connection, action, input);
    }
  }
  return activities;
}

async function runAttempt(tools: StepTools, connection: OpenConnection, action: Action, input: StepInput): Promise<StepResult> {
  const { info } = Context.current();
  const began = performance.now();
  const finish = (outcome: 'done' | 'skipped' | 'failed', errorClass: string | null): void =>
    tools.onAttempt({ action: input.step.action, outcome, class: errorClass, seconds: (performance.now() - began) / 1_000 });
  try {
    const result = await attempt(tools, connection, action, input);
    finish(result.outcome, null);
    return result;
  } catch (thrown) {
    const error = asActionError(thrown, connection.connector.name, tools.log, input.step.action);
    finish('failed', error.errorClass);
    const { code, remedy } = error.detail;
    const attempted = { event_id: input.event.event_id, rule: input.rule, step: input.step.id, action: input.step.action, attempt: info.attempt + input.earlier_attempts };
    // A first attempt that fails in passing is what retries are for; Temporal shows it.
    const level = error.errorClass === 'transient' && attempted.attempt === 1 ? 'debug' : 'warn';
    tools.log[level]({ ...attempted, class: error.errorClass, code, remedy }, `attempt failed: ${error.message}`);
    if (error.errorClass === 'transient' || error.errorClass === 'credential') {
      tools.onWaiting(info.workflowExecution?.workflowId ?? '');
    }
    throw asFailure(error);
  }
}

async function attempt(tools: StepTools, connection: OpenConnection, action: Action, input: StepInput): Promise<StepResult> {
  const { step } = input;
  const scope: StepScope = { event: input.event, steps: input.steps, timezone: input.timezone, country: input.country };
  if (step.if !== undefined && !tools.evaluate(step.if, scope)) {
    return { outcome: 'skipped', reason: 'its condition is not met' };
  }
  const rendered = tools.render(step.input, scope, (name) => action.sinkOf(name));
  if (input.shadow === true) {
    return { outcome: 'skipped', reason: 'shadow: it would have been done' };
  }
  const past = readPast(Context.current().info.heartbeatDetails);
  let reached = false;
  try {
    return await connection.gate.pass(async () => {
      reached = true;
      const heartbeat = startHeartbeat(past);
      try {
        return await action.run(contextOf(tools, connection, input, past, heartbeat), rendered);
      } finally {
        heartbeat.stop();
      }
    });
  } finally {
    if (!reached) {
      Context.current().heartbeat({ ...past, held_back: past.held_back + 1 } satisfies Past);
    }
  }
}

/** What an attempt leaves for the next one, as Temporal's heartbeat details. */
interface Past {
  /** Attempts that a parked connection held back: they never got to the action. */
  held_back: number;
  /** What the action saved last. */
  saved: JsonValue;
}

function readPast(details: unknown): Past {
  const found: Partial<Record<keyof Past, JsonValue>> = typeof details === 'object' && details !== null ? details : {};
  return { held_back: typeof found.held_back === 'number' ? found.held_back : 0, saved: found.saved ?? null };
}

interface Heartbeat {
  save(detail: JsonValue): void;
  stop(): void;
}

/** Keeps telling Temporal that the attempt lives, with what it saved last. */
function startHeartbeat(past: Past): Heartbeat {
  const context = Context.current();
  let last = past;
  const timer = setInterval(() => context.heartbeat(last), HEARTBEAT_EVERY_MS);
  timer.unref();
  return {
    save: (detail) => {
      last = { ...past, saved: detail };
      context.heartbeat(last);
    },
    stop: () => clearInterval(timer),
  };
}

function contextOf(tools: StepTools, connection: OpenConnection, input: StepInput, past: Past, heartbeat: Heartbeat): ActionContext<unknown> {
  const { info, cancellationSignal } = Context.current();
  return {
    client: connection.client,
    key: actionKey(input.event.event_id, input.rule, input.step.id),
    signal: cancellationSignal,
    event: input.event,
    log: tools.log,
    attempt: Math.max(info.attempt + input.earlier_attempts - past.held_back, 1),
    startedAt: new Date(input.began_at),
    progress: { last: past.saved, save: (detail) => heartbeat.save(detail) },
    country: input.country,
    timezone: input.timezone,
    isOurs: (number) => tools.isOurs(number),
    cooldowns: tools.cooldowns,
    clientOf: (connector) => clientOf(tools, connector),
  };
}

/** The type of another connector's client is known only to that connector: `open` made it, and nothing else can have. */
function clientOf<Other>(tools: StepTools, connector: { readonly name: string; readonly connection: { open(settings: never): Other } }): Other {
  const found = tools.connections.get(connector.name);
  if (found === undefined || found.connector.connection !== connector.connection) {
    throw new ActionError('permanent', `the connection ${connector.name} is not open`, { connection: connector.name, code: 'not_connected' });
  }
  return found.client as Other;
}

/** Whatever else was thrown is a bug of ours: only its type and place go into the log, for its text may hold anything. */
function asActionError(thrown: unknown, connection: string, log: ActionLog, action: string): ActionError {
  if (thrown instanceof ActionError) {
    return thrown;
  }
  const name = thrown instanceof Error ? thrown.name : typeof thrown;
  const stack = thrown instanceof Error ? (thrown.stack ?? '').split('\n').filter((line) => line.startsWith('    at ')) : [];
  log.warn({ action, error: name, stack: stack.slice(0, 8) }, 'an action threw an error that it should have classified');
  return new ActionError('permanent', `unexpected ${name} in the bridge itself`, {
    connection,
    code: 'bug',
    remedy: 'Report it with the stack from the worker log; then retry the run.',
  });
}

function asFailure(error: ActionError): ApplicationFailure {
  const { connection, code, remedy, correlationId, retryAfterMs } = error.detail;
  const detail: StepFailureDetail = {
    connection,
    code,
    remedy: remedy ?? null,
    correlation_id: correlationId ?? null,
    retry_after_ms: retryAfterMs ?? null,
  };
  return ApplicationFailure.create({
    type: error.errorClass,
    message: error.message,
    nonRetryable: error.errorClass === 'permanent' || error.errorClass === 'ambiguous',
    details: [detail],
    ...(retryAfterMs === undefined ? {} : { nextRetryDelay: retryAfterMs }),
  });
}
