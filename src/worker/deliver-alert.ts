import type { Logger } from 'pino';
import { runFilled } from '../../activities/fill-references';
import type { OpenConnection } from '../../activities/attempt';
import type { Delivered, Order } from '../alerts/teller';
import { ActionError } from '../connectors/action-error';
import type { ActionContext } from '../connectors/action-context';
import type { Connector } from '../connectors/connector';
import { bareEvent } from '../events/bare-event';
import type { CanonicalEvent } from '../events/canonical-event';
import type { OwnNumbers } from '../events/own-numbers';
import { ALERT_TYPE } from '../rules/language/alert-fields';
import { evaluateCondition } from '../rules/language/condition';
import { renderInput } from '../rules/language/template';
import type { PlannedStep } from '../rules/plan';
import type { Settings } from '../settings/settings';

const STEP_WITHIN_MS = 30_000;

/** What {@link deliverAlert} needs. */
export interface AlertTools {
  connections: ReadonlyMap<string, OpenConnection>;
  /** Names of the connections that a stand-in answers. */
  standIns: readonly string[];
  settings: Pick<Settings, 'ruleSecrets'>;
  ownNumbers: Pick<OwnNumbers, 'has'>;
  log: Logger;
}

/**
 * Sends one alert: the steps are its channels, and the first one that works is enough. It needs neither Temporal nor a
 * worker, and pays no attention to parked connections. `problem` is the code of the last failure when no channel
 * worked.
 */
export async function deliverAlert(tools: AlertTools, order: Order): Promise<Delivered> {
  const event = eventOf(order);
  const { key } = order;
  const failed: Delivered['failed'] = [];
  const isStandIn = (step: PlannedStep): boolean => tools.standIns.includes(connectionOf(step));
  // Nobody sees what a stand-in takes: it must not keep the alert from a channel that works.
  const ways = [...order.steps.filter((step) => !isStandIn(step)), ...order.steps.filter(isStandIn)];
  for (const step of ways) {
    try {
      if (await tellBy(tools, order, event, step)) {
        return { key, problem: null, by: step.action, stand_in: isStandIn(step), failed };
      }
    } catch (error) {
      const code = error instanceof ActionError ? error.detail.code : 'bug';
      failed.push({ action: step.action, code });
      tools.log.warn({ route: order.route, action: step.action, code }, 'a channel of an alert failed');
    }
  }
  return { key, problem: failed.at(-1)?.code ?? 'no_way', by: null, stand_in: false, failed };
}

function connectionOf({ action }: PlannedStep): string {
  return action.split('.')[0] ?? action;
}

/** @returns whether it was sent; false when the step's condition is not met, or it was skipped. */
async function tellBy(tools: AlertTools, order: Order, event: CanonicalEvent, step: PlannedStep): Promise<boolean> {
  const connection = tools.connections.get(connectionOf(step));
  const action = connection?.connector.actions[step.action.slice(step.action.indexOf('.') + 1)];
  if (connection === undefined || action === undefined) {
    throw new ActionError('permanent', `there is no action ${step.action}`, {
      connection: 'rules',
      code: 'not_connected',
    });
  }
  const { timezone, country, key, names } = order;
  const scope = { event, steps: {}, timezone, country, names, now: new Date(event.received_at), seed: key };
  if (step.if !== undefined && !evaluateCondition(step.if, scope)) {
    return false;
  }
  const rendered = renderInput(step.input, {
    ...scope,
    sinkOf: (name) => action.sinkOf(name),
    accepts: (path, value) => action.accepts(path, value),
    isMoment: (name) => action.isMoment(name),
  });
  // An earlier try may have got through: whoever can, looks first. Who cannot is asked as if for the first time: twice
  // is better than never.
  const attempt = action.effectOf(step.input) === 'once' ? 1 : 2;
  const outcome = await runFilled(tools.settings.ruleSecrets, { rule: order.route, id: step.id }, rendered, (filled) =>
    action.run({ ...contextOf(tools, connection, order, event, step), attempt }, filled),
  );
  return outcome.outcome === 'done';
}

function contextOf(
  tools: AlertTools,
  { client }: OpenConnection,
  { key, timezone, country }: Order,
  event: CanonicalEvent,
  step: PlannedStep,
): Omit<ActionContext<unknown>, 'attempt'> {
  return {
    client,
    key: `${key}/${step.id}`,
    signal: AbortSignal.timeout(STEP_WITHIN_MS),
    event,
    log: tools.log,
    startedAt: new Date(event.received_at),
    progress: { last: null, save: () => undefined },
    country,
    timezone,
    isOurs: (number) => tools.ownNumbers.has(number),
    // An alert goes to people of the account, grouped and sent once: neither limits nor opt-outs apply.
    cooldowns: { claim: () => Promise.resolve('claimed'), release: () => Promise.resolve() },
    optOuts: { since: () => Promise.resolve(null), record: () => Promise.resolve(null) },
    clientOf: <Other>(connector: Pick<Connector, 'name'>): Other => {
      throw new ActionError('permanent', `an alert has nothing of ${connector.name}`, {
        connection: connector.name,
        code: 'not_connected',
      });
    },
  };
}

/** The alert as the event that templates see. */
function eventOf({ key, alert }: Order): CanonicalEvent {
  const at = typeof alert['since'] === 'string' ? alert['since'] : new Date().toISOString();
  return bareEvent({ type: ALERT_TYPE, id: key, event_id: key, at, data: alert });
}
