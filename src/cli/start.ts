import { Option, type Command } from 'commander';
import { createLogger } from '../service/logger';
import { MODES, type Mode } from '../service/processes';
import { startMode } from '../service/modes/start-mode';
import { runUntilStopped, stopRequest } from '../service/shutdown';
import { connectionsInFile } from '../service/rules-in-force';
import { configFile, readSettings } from './read-settings';

/** `bridge start`: runs the bridge until it is stopped. */
export function defineStart(start: Command): void {
  start
    .addOption(
      new Option('--mode <mode>', 'all: everything on this machine; receiver: webhook and inbox; worker: runs')
        .choices(MODES)
        .default('all')
        .env('BRIDGE_MODE'),
    )
    .action(async ({ mode }: { mode: Mode }, command: Command) => {
      const stopRequested = stopRequest();
      // A worker runs the rules of its receivers, which it does not know.
      const settings = readSettings(command, mode === 'worker' ? undefined : connectionsInFile);
      const log = createLogger({ name: mode === 'worker' ? 'worker' : 'bridge' });
      const service = await startMode(mode, { settings, configFile: configFile(command), log });
      // A frozen server or a download under way would keep the process alive.
      process.exit(await runUntilStopped(service, stopRequested));
    });
}
