import type { JsonObject } from '../events/json';
import type { Action, ActionUse, Connector } from './connector';
import { email } from './email/connector';
import { http } from './http/connector';
import { hubspot } from './hubspot/connector';
import { slack } from './slack/connector';
import { voipbin } from './voipbin/connector';

/** Every connector of the bridge. To add one, write its folder and add it here. */
export const connectors: readonly Connector[] = [email, http, hubspot, slack, voipbin];

/** Finds an action by its full name, `hubspot.log_call`; undefined when there is none. */
export function findAction(name: string): { connector: Connector; action: Action } | undefined {
  const dot = name.indexOf('.');
  const connector = connectors.find((candidate) => candidate.name === name.slice(0, dot));
  const action = connector?.actions[name.slice(dot + 1)];
  return connector !== undefined && action !== undefined ? { connector, action } : undefined;
}

/**
 * The actions of all connectors, by full name: what rule files may use. A rule reader takes it as a value, so that a test
 * can give it a few actions of its own.
 */
export const actionCatalogue = {
  /** Returns undefined when there is no such action. */
  find: (name: string): { action: Action; connectorName: string } | undefined => {
    const found = findAction(name);
    return found === undefined ? undefined : { action: found.action, connectorName: found.connector.name };
  },
  /** The full names, sorted: `hubspot.log_call`. */
  names: (): string[] =>
    connectors
      .flatMap((connector) => Object.keys(connector.actions).map((action) => `${connector.name}.${action}`))
      .sort(),
};

/** The names of the connections that steps use, each once. Includes those that an action uses besides its own. */
export function connectionsUsedBy(steps: readonly { action: string; input: unknown }[]): string[] {
  return [...new Set(steps.flatMap(connectionsOf))];
}

/** How rules use one connection, in the order of the rules. Equal inputs of one action are one use. */
export function usesOfConnection(
  connection: string,
  rules: readonly { name: string; steps: readonly { action: string; input: JsonObject }[] }[],
): ActionUse[] {
  const uses = new Map<string, ActionUse & { readonly rules: string[] }>();
  for (const { name, steps } of rules) {
    for (const { action, input } of steps.filter((step) => connectionsOf(step).includes(connection))) {
      const key = `${action} ${JSON.stringify(input)}`;
      const use = uses.get(key) ?? { action, input, rules: [] };
      uses.set(key, use);
      if (!use.rules.includes(name)) {
        use.rules.push(name);
      }
    }
  }
  return [...uses.values()];
}

function connectionsOf(step: { action: string; input: unknown }): string[] {
  const found = findAction(step.action);
  return found === undefined ? [] : [found.connector.name, ...found.action.alsoUsedBy(step.input)];
}
