import { createHash } from 'node:crypto';
import { ActionError } from '../src/connectors/action-error';
import type { ActionLog } from '../src/connectors/action-log';
import type { ActionContext, Cooldowns, OptOuts } from '../src/connectors/action-context';
import type { Action, Connector } from '../src/connectors/connector';
import type { CanonicalEvent } from '../src/events/canonical-event';
import type { JsonObject, JsonValue } from '../src/events/json';
import { eventWithFound } from '../src/events/complete-event';
import { guardLeftOut } from '../src/events/left-out';
import { actionKey, SHADOWED } from '../src/runs/names';
import type { StepInput, StepResult } from '../src/runs/run-contract';
import type { RuleSecrets } from '../src/settings/rule-secrets';
import type { ConnectionGate } from './connection-gate';
import { effectOnce, type EffectOnce, type RememberedEffects } from './effect-once';
import type { NamedValues } from '../src/rules/language/named-values';
import { runUnlessParked, type GuardedAttempt, type Parking } from './guarded-attempt';
import { runFilled } from './fill-references';
import { asActionError } from './step-error';
import { StepProgress, type Heartbeats } from './step-progress';

/** The values that a step's templates and condition can use. */
export interface StepScope {
  event: CanonicalEvent;
  steps: Record<string, JsonValue>;
  timezone: string;
  country: string | null;
  names: NamedValues | undefined;
  /** When the step began: what templates call `now`, so that every attempt renders the same. */
  now: Date;
  /** The action key: decides what `sample` picks. */
  seed: string;
}

/** An open connection, with its connector. */
export interface OpenConnection {
  connector: Connector;
  client: unknown;
}

/** What the actions need from their worker. */
export interface StepTools {
  connections: ReadonlyMap<string, OpenConnection>;
  /** The gates of the connections, and of their parts by `partName`. */
  gates: ReadonlyMap<string, { readonly gate: ConnectionGate }>;
  /** Renders the templates of a step's input. Throws when one fails; the message contains no personal data. */
  render(input: JsonObject, scope: StepScope, action: Pick<Action, 'sinkOf' | 'accepts' | 'isMoment'>): JsonObject;
  /** The secrets that rules refer to. */
  secrets: Pick<RuleSecrets, 'lookUp'>;
  /** Evaluates a step's CEL condition. Throws as `render` does. */
  evaluate(condition: string, scope: StepScope): boolean;
  /** Whether a phone number belongs to the account. */
  isOurs(number: string): boolean;
  cooldowns: Cooldowns;
  optOuts: OptOuts;
  parking: Parking;
  effects: RememberedEffects;
  log: ActionLog & { debug(fields: Record<string, unknown>, message: string): void };
  /** Called after every attempt. `failure` is null unless it failed; its connection need not be the action's own. */
  onAttempt(attempt: {
    action: string;
    outcome: 'done' | 'skipped' | 'failed';
    failure: { class: string; connection: string; code: string } | null;
    seconds: number;
  }): void;
}

/** What an attempt needs of the activity that makes it. */
export interface AttemptHost extends Heartbeats {
  /** Workflow id of the run that the step belongs to. */
  run: string;
  /** Aborts when the attempt must end. */
  signal: AbortSignal;
  /**
   * Whether the step may join the queue of a parked connection. In a batch it may not: it is left to the event's own
   * run, which joins the queue.
   */
  mayQueue: boolean;
}

/** How an attempt ended. `attempts`: of the step so far, with this one, unless it was held back. */
export type AttemptEnd =
  { ok: true; result: StepResult } | { ok: false; error: ActionError; attempts: number; saved: JsonValue };

/** Makes one attempt of a step. Never throws. */
export type Attempt = (input: StepInput, host: AttemptHost) => Promise<AttemptEnd>;

/** What makes the attempts of each action, by the action's full name (`slack.post_message`). */
export function attemptsByAction(tools: StepTools): ReadonlyMap<string, Attempt> {
  const attempts = new Map<string, Attempt>();
  const once = effectOnce(tools.effects);
  for (const connection of tools.connections.values()) {
    const { name: connector, actions, internalActions } = connection.connector;
    for (const [name, action] of Object.entries({ ...actions, ...internalActions })) {
      attempts.set(`${connector}.${name}`, (input, host) =>
        makeAttempt({ tools, once, connection, action, host }, withLookedUp(tools, input)),
      );
    }
  }
  return attempts;
}

/** What makes an attempt, beside its input. */
interface Making {
  tools: StepTools;
  once: EffectOnce;
  connection: OpenConnection;
  action: Action;
  host: AttemptHost;
}

/** The input with its event as the look-up of its call completed it. */
function withLookedUp(tools: StepTools, input: StepInput): StepInput {
  const ours = { has: (number: string) => tools.isOurs(number) };
  return input.calls === undefined ? input : { ...input, event: eventWithFound(input.event, input.calls, ours) };
}

async function makeAttempt(making: Making, input: StepInput): Promise<AttemptEnd> {
  const { tools, once, connection, host } = making;
  const startedAt = performance.now();
  const progressKey = `${host.run} ${keyOf(input)}`;
  const progress = new StepProgress(
    input,
    host,
    isRemembered(input) ? tools.effects.recallProgress(progressKey) : null,
  );
  let hasReachedAction = false;
  let hasActed = false;
  const finish = (outcome: 'done' | 'skipped' | 'failed', error: ActionError | null): void =>
    tools.onAttempt({
      action: input.step.action,
      outcome,
      failure:
        error === null
          ? null
          : { class: error.errorClass, connection: error.detail.connection, code: error.detail.code },
      seconds: (performance.now() - startedAt) / 1_000,
    });
  try {
    const onReached = (): void => {
      hasReachedAction = true;
      hasActed = true;
    };
    const result = await (isRemembered(input)
      ? once(
          keyOf(input),
          () => attempt(making, input, progress, onReached),
          (earlier) => {
            // It may have acted: its successor must not take this attempt for one that was held back.
            hasReachedAction = true;
            tools.log.info(fieldsOf(input), EARLIER[earlier]);
          },
        )
      : attempt(making, input, progress, onReached));
    finish(result.outcome, null);
    return { ok: true, result };
  } catch (thrown) {
    const error = asActionError(thrown, connection.connector.name, tools.log, input.step.action);
    finish('failed', error);
    const isWaiting = error.errorClass === 'transient' || error.errorClass === 'credential';
    const isHeldBack = !hasReachedAction && isWaiting;
    const attempts = isHeldBack ? progress.attempt - 1 : progress.attempt;
    if (isHeldBack) {
      progress.recordHeldBack();
    }
    const { code, remedy } = error.detail;
    const fields = { ...fieldsOf(input), attempt: progress.attempt, class: error.errorClass, code, remedy };
    // A first transient failure is retried and a held-back attempt is queued: neither needs an operator.
    const level = isHeldBack || (error.errorClass === 'transient' && progress.attempt === 1) ? 'debug' : 'warn';
    tools.log[level](fields, `attempt ${isHeldBack ? 'held back' : 'failed'}: ${error.message}`);
    if (isRemembered(input) && hasActed) {
      await tools.effects.rememberProgress(progressKey, { attempt: progress.attempt, saved: progress.saved });
    }
    return { ok: false, error, attempts, saved: progress.saved };
  }
}

const EARLIER = {
  done: 'an earlier attempt did it, and its end was not reported to Temporal: its result is used, nothing is done again',
  under_way: 'an earlier attempt, which Temporal takes for lost, is still under way: its outcome is used',
} as const;

function fieldsOf({ event, rule, step }: StepInput): Record<string, unknown> {
  return { event_id: event.event_id, rule, step: step.id, action: step.action };
}

/** Whether doing it again would be a second effect. */
function isRemembered({ step, shadow }: StepInput): boolean {
  return step.effect !== 'repeatable' && shadow !== true;
}

/** The action key: the same on every attempt, and in runs that continue from earlier ones. */
function keyOf({ key, event, rule, step }: StepInput): string {
  return actionKey(key ?? event.event_id, rule, step.id);
}

/** @param onReached called when the attempt reaches the action. */
async function attempt(
  making: Making,
  input: StepInput,
  progress: StepProgress,
  onReached: () => void,
): Promise<StepResult> {
  const { tools, connection, action } = making;
  const { step } = input;
  const scope: StepScope = {
    event: input.event,
    steps: input.steps,
    timezone: input.timezone,
    country: input.country,
    names: input.names,
    now: new Date(input.began_at),
    seed: keyOf(input),
  };
  if (step.if !== undefined && !tools.evaluate(step.if, scope)) {
    return { outcome: 'skipped', reason: 'its condition is not met' };
  }
  const rendered = tools.render(step.input, scope, action);
  if (input.shadow === true) {
    return { outcome: 'skipped', reason: SHADOWED };
  }
  if (input.too_late === true) {
    throw new ActionError('transient', 'the step began after its retry budget, counted from the event, had expired', {
      connection: connection.connector.name,
      code: 'too_late',
      remedy: 'The step itself is correct. To run it even so late, give it a longer `retry: { for: ... }`.',
    });
  }
  return runUnlessParked(guardedAttemptOf(making, input), async () => {
    onReached();
    if (isRemembered(input) && !progress.recordRendered(digestOf(rendered))) {
      throw inputChanged(connection.connector.name);
    }
    const stopHeartbeat = progress.startHeartbeat();
    try {
      return await runFilled(tools.secrets, { rule: input.rule, id: step.id }, rendered, (filled) =>
        action.run(contextOf(making, input, progress), filled),
      );
    } finally {
      stopHeartbeat();
    }
  });
}

/**
 * Looking up what an earlier attempt did, and a provider's recognition of a repeated request, compare inputs. The same
 * version of the bridge renders the same input on every attempt; another one may not.
 */
function inputChanged(connection: string): ActionError {
  return new ActionError(
    'ambiguous',
    'an earlier attempt may have acted, with another input: another version of the bridge rendered it',
    {
      connection,
      code: 'input_changed',
      remedy: 'Look at the provider whether it was done; retry the run if not.',
    },
  );
}

function digestOf(rendered: JsonObject): string {
  return createHash('sha256').update(JSON.stringify(rendered)).digest('base64url');
}

function guardedAttemptOf({ tools, connection, action, host }: Making, input: StepInput): GuardedAttempt {
  const { gates, parking, log } = tools;
  return {
    gates,
    uses: [connection.connector.name, ...action.alsoUsedBy(input.step.input)],
    step: host.mayQueue ? { run: host.run, step: `${input.rule}/${input.step.id}`, began_at: input.began_at } : null,
    // A release is for one attempt, not for its retries after a transient failure.
    release: host.attempt === 1 ? (input.let_go ?? null) : null,
    parking,
    log,
  };
}

function contextOf(
  { tools, connection, host }: Making,
  input: StepInput,
  progress: StepProgress,
): ActionContext<unknown> {
  return {
    client: connection.client,
    key: keyOf(input),
    signal: host.signal,
    event: guardLeftOut(input.event, input.event.left_out),
    log: tools.log,
    attempt: progress.attempt,
    startedAt: new Date(input.began_at),
    progress: { last: progress.saved, save: (detail) => progress.save(detail) },
    country: input.country,
    timezone: input.timezone,
    isOurs: (number) => tools.isOurs(number),
    cooldowns: tools.cooldowns,
    optOuts: tools.optOuts,
    clientOf: (connector) => clientOf(tools, connector),
  };
}

/** Another connector's client. The cast is safe: only that connector's `open` makes clients for its connection. */
function clientOf<Other>(
  tools: StepTools,
  connector: { readonly name: string; readonly connection: { open(settings: never): Other | Promise<Other> } },
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
