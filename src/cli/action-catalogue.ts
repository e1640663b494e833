import { actionNames, findAction } from '../connectors/registry';
import type { ActionCatalogue } from '../rules/rule';

/** The actions that rule files may use: those of every registered connector. */
export const actionCatalogue: ActionCatalogue = {
  find: (name) => {
    const found = findAction(name);
    return found === undefined ? undefined : { action: found.action, connectorName: found.connector.name };
  },
  names: actionNames,
};
