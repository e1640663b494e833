import type { Action, Connector } from './connector';

/** Every connector the bridge has. Adding one is adding it here. */
export const connectors: readonly Connector[] = [];

/** Finds an action by its full name, `hubspot.log_call`; undefined when there is none. */
export function findAction(name: string): { connector: Connector; action: Action } | undefined {
  const dot = name.indexOf('.');
  const connector = connectors.find((candidate) => candidate.name === name.slice(0, dot));
  const action = connector?.actions[name.slice(dot + 1)];
  return connector !== undefined && action !== undefined ? { connector, action } : undefined;
}

/** The full names of all actions, sorted. */
export function actionNames(): string[] {
  return connectors.flatMap((connector) => Object.keys(connector.actions).map((action) => `${connector.name}.${action}`)).sort();
}
