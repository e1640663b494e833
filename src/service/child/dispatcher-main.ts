/** The dispatcher's process in mode `receiver`. processes.ts says why it is one. */
import { resolveTemporal } from '../../temporal/connection';
import { startDispatcherProcess } from '../dispatcher-process';
import { runChild } from './child';

runChild('dispatcher', async ({ settings, registry, log }) =>
  startDispatcherProcess({
    temporal: resolveTemporal({ settings: settings.temporal, env: process.env, embeddedAddress: null }),
    settings,
    registry,
    log,
  }),
);
