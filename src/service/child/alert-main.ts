/** The process that sends alerts: it runs while there is something to send. src/alerts/teller.ts says why it is one. */
import { z } from 'zod';
import { order, type Order } from '../../alerts/teller';
import { connectors } from '../../connectors/registry';
import { OwnNumbers } from '../../events/own-numbers';
import { loadSettings } from '../../settings/load';
import { printMessage } from '../../text/print';
import { deliverAlert } from '../../worker/deliver-alert';
import { openConnections } from '../../worker/open-connections';
import { createLogger } from '../logger';
import { alertStart } from './messages';

const log = createLogger({ name: 'alerts' });

async function main(orders: readonly Order[]): Promise<void> {
  const { configFile, standIns } = alertStart.parse(JSON.parse(process.argv[2] ?? 'null'));
  const loaded = loadSettings({ ...(configFile === null ? {} : { configFile }), env: process.env, connectors });
  if (!loaded.ok) {
    throw new Error('the settings changed since the bridge read them');
  }
  const { settings } = loaded;
  const used = new Set(orders.flatMap(({ steps }) => steps.map(({ action }) => action.split('.')[0])));
  const connections = await openConnections(
    connectors.filter(({ name }) => used.has(name)),
    settings,
    log,
    standIns,
  );
  for (const name of connections.standIns) {
    log.warn({ connection: name }, 'there are no credentials: an alert goes to a stand-in, where nobody sees it');
  }
  try {
    const ownNumbers = new OwnNumbers(settings.numbers, settings.country);
    for (const each of orders) {
      const tools = { connections: connections.byName, standIns: connections.standIns, settings, ownNumbers, log };
      process.send?.(await deliverAlert(tools, each));
    }
  } finally {
    await connections.close();
  }
}

process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => undefined);
process.once('message', (raw) => {
  // The steps are those of the rule files in force, which the parent process has checked.
  main(z.array(order).parse(raw) as Order[]).then(
    () => process.disconnect(),
    (error: unknown) => {
      printMessage(`alerts: ${error instanceof Error ? error.message : 'unknown error'}`);
      process.exit(1);
    },
  );
});
