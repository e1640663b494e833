import { ApplicationFailure, Context } from '@temporalio/activity';
import { ActionError } from '../src/connectors/action-error';
import type { Action, ActionContext, ActionLog, Connector, Cooldowns, Sink } from '../src/connectors/connector';
import type { CanonicalEvent } from '../src/events/canonical-event';
import type { JsonObject, JsonValue } from '../src/events/json';
import { actionKey } from '../src/runs/names';
import type { StepFailureDetail, StepInput, StepResult } from '../src/runs/run-contract';
import type { ConnectionGate } from './connection-gate';
import { passGates, type Lines, type Passage } from './guarded-attempt';
import { StepProgress } from './step-progress';

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
  /**
   * Renders the templates of a step's input. Throws when one cannot be rendered; the message holds no personal data.
   */
  render(input: JsonObject, scope: StepScope, sinkOf: (inputName: string) => Sink): JsonObject;
  /** Evaluates a step's CEL condition. Throws like `render`. */
  evaluate(condition: string, scope: StepScope): boolean;
  isOurs(number: string): boolean;
  cooldowns: Cooldowns;
  /** Where the steps of parked connections wait. */
  lines: Lines;
  log: ActionLog & { debug(fields: Record<string, unknown>, message: string): void };
  /**
   * Called when an attempt failed in a way that another will follow: its run waits, and no longer counts as in flight.
   */
  onWaiting(workflowId: string): void;
  /** Called after every attempt, for the metrics. `class` is null unless it failed. */
  onAttempt(attempt: {
    action: string;
    outcome: 'done' | 'skipped' | 'failed';
    class: string | null;
    seconds: number;
  }): void;
}

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

async function runAttempt(
  tools: StepTools,
  connection: OpenConnection,
  action: Action,
  input: StepInput,
): Promise<StepResult> {
  const { info } = Context.current();
  const began = performance.now();
  const progress = new StepProgress(input);
  let reached = false;
  const finish = (outcome: 'done' | 'skipped' | 'failed', errorClass: string | null): void =>
    tools.onAttempt({
      action: input.step.action,
      outcome,
      class: errorClass,
      seconds: (performance.now() - began) / 1_000,
    });
  try {
    const result = await attempt(tools, connection, action, input, progress, () => (reached = true));
    finish(result.outcome, null);
    return result;
  } catch (thrown) {
    const error = asActionError(thrown, connection.connector.name, tools.log, input.step.action);
    finish('failed', error.errorClass);
    const waits = error.errorClass === 'transient' || error.errorClass === 'credential';
    const heldBack = !reached && waits;
    const attempts = heldBack ? progress.attempt - 1 : progress.attempt;
    if (heldBack) {
      progress.heldBack();
    }
    const { code, remedy } = error.detail;
    const attempted = {
      event_id: input.event.event_id,
      rule: input.rule,
      step: input.step.id,
      action: input.step.action,
      attempt: progress.attempt,
      class: error.errorClass,
      code,
      remedy,
    };
    // A first attempt that fails in passing is what retries are for, and a held-back one what parking is for; Temporal
    // shows both.
    const level = heldBack || (error.errorClass === 'transient' && progress.attempt === 1) ? 'debug' : 'warn';
    tools.log[level](attempted, `attempt ${heldBack ? 'held back' : 'failed'}: ${error.message}`);
    if (waits) {
      tools.onWaiting(info.workflowExecution?.workflowId ?? '');
    }
    throw asFailure(error, { attempts, saved: progress.saved });
  }
}

/** @param onReached called when the attempt gets to the action. */
async function attempt(
  tools: StepTools,
  connection: OpenConnection,
  action: Action,
  input: StepInput,
  progress: StepProgress,
  onReached: () => void,
): Promise<StepResult> {
  const { step } = input;
  const scope: StepScope = { event: input.event, steps: input.steps, timezone: input.timezone, country: input.country };
  if (step.if !== undefined && !tools.evaluate(step.if, scope)) {
    return { outcome: 'skipped', reason: 'its condition is not met' };
  }
  const rendered = tools.render(step.input, scope, (name) => action.sinkOf(name));
  if (input.shadow === true) {
    return { outcome: 'skipped', reason: 'shadow: it would have been done' };
  }
  if (input.too_late === true) {
    throw new ActionError('transient', 'its turn came after its budget, which counts from the event, had run out', {
      connection: connection.connector.name,
      code: 'too_late',
      remedy:
        'Nothing is wrong with the step. Where it should be done even so late, give it a longer `retry: { for: ... }`.',
    });
  }
  return passGates(passageOf(tools, connection, action, input), async () => {
    onReached();
    const stopHeartbeat = progress.heartbeat();
    try {
      return await action.run(contextOf(tools, connection, input, progress), rendered);
    } finally {
      stopHeartbeat();
    }
  });
}

function passageOf(
  { connections, lines, log }: StepTools,
  connection: OpenConnection,
  action: Action,
  input: StepInput,
): Passage {
  const { info } = Context.current();
  return {
    connections,
    uses: [connection.connector.name, ...action.alsoUsedBy(input.step.input)],
    step: {
      run: info.workflowExecution?.workflowId ?? '',
      step: `${input.rule}/${input.step.id}`,
      began_at: input.began_at,
    },
    // A line lets go of one attempt, not of the retries that a transient failure of it may need.
    letGo: info.attempt === 1 ? (input.let_go ?? null) : null,
    lines,
    log,
  };
}

function contextOf(
  tools: StepTools,
  connection: OpenConnection,
  input: StepInput,
  progress: StepProgress,
): ActionContext<unknown> {
  return {
    client: connection.client,
    key: actionKey(input.event.event_id, input.rule, input.step.id),
    signal: Context.current().cancellationSignal,
    event: input.event,
    log: tools.log,
    attempt: progress.attempt,
    startedAt: new Date(input.began_at),
    progress: { last: progress.saved, save: (detail) => progress.save(detail) },
    country: input.country,
    timezone: input.timezone,
    isOurs: (number) => tools.isOurs(number),
    cooldowns: tools.cooldowns,
    clientOf: (connector) => clientOf(tools, connector),
  };
}

/**
 * The type of another connector's client is known only to that connector: `open` made it, and nothing else can have.
 */
function clientOf<Other>(
  tools: StepTools,
  connector: { readonly name: string; readonly connection: { open(settings: never): Other } },
): Other {
  const found = tools.connections.get(connector.name);
  if (found === undefined || found.connector.connection !== connector.connection) {
    throw new ActionError('permanent', `the connection ${connector.name} is not open`, {
      connection: connector.name,
      code: 'not_connected',
    });
  }
  return found.client as Other;
}

/**
 * Whatever else was thrown is a bug of ours: only its type and place go into the log, for its text may hold anything.
 */
function asActionError(thrown: unknown, connection: string, log: ActionLog, action: string): ActionError {
  if (thrown instanceof ActionError) {
    return thrown;
  }
  const name = thrown instanceof Error ? thrown.name : typeof thrown;
  const stack =
    thrown instanceof Error ? (thrown.stack ?? '').split('\n').filter((line) => line.startsWith('    at ')) : [];
  log.warn(
    { action, error: name, stack: stack.slice(0, 8) },
    'an action threw an error that it should have classified',
  );
  return new ActionError('permanent', `unexpected ${name} in the bridge itself`, {
    connection,
    code: 'bug',
    remedy: 'Report it with the stack from the worker log; then retry the run.',
  });
}

function asFailure(error: ActionError, past: Pick<StepFailureDetail, 'attempts' | 'saved'>): ApplicationFailure {
  const { connection, code, remedy, correlationId, retryAfterMs } = error.detail;
  const detail: StepFailureDetail = {
    connection,
    code,
    remedy: remedy ?? null,
    correlation_id: correlationId ?? null,
    retry_after_ms: retryAfterMs ?? null,
    attempts: past.attempts,
    saved: error.errorClass === 'credential' ? past.saved : null,
  };
  return ApplicationFailure.create({
    type: error.errorClass,
    message: error.message,
    // A step whose connection is parked waits in its run: not for a time, but for a word.
    nonRetryable: error.errorClass !== 'transient',
    details: [detail],
    ...(retryAfterMs === undefined ? {} : { nextRetryDelay: retryAfterMs }),
  });
}
