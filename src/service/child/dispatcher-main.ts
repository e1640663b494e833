/**
 * The dispatcher process of `bridge start` in mode `receiver`: a Temporal client beside the webhook would slow down
 * every ack (async hooks, and its own work).
 */
import { resolveTemporal } from '../../temporal/connection';
import { runChild } from './child';
import { startDispatcherProcess } from '../dispatcher-process';

runChild('dispatcher', async ({ settings, registry, log }) =>
  startDispatcherProcess({
    temporal: resolveTemporal({ settings: settings.temporal, env: process.env, embeddedAddress: null }),
    settings,
    registry,
    log,
  }),
);
