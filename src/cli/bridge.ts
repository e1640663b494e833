import { Command, CommanderError } from 'commander';
import { backfillCommand } from './backfill';
import { connectionsCommand } from './connections';
import { docsCommand } from './docs';
import { isCorruption } from '../storage/sqlite';
import { eventsCommand } from './events';
import { NO, Refused, WRONG_USE, WrongUse } from '../errors/operator-errors';
import { packageVersion } from '../setup/package-root';
import { rulesCommand } from './rules';
import { schemaCommand } from './schema';
import { sendCommand } from './send';
import { startCommand } from './start';

/** The command line. Exit codes: 0 fine, 1 the answer is no, 2 wrong use. */
async function main(): Promise<void> {
  const program = new Command('bridge')
    .description('VoIPBIN webhooks in, durable Temporal workflows out.')
    .version(packageVersion())
    .option('--config <file>', 'settings file (default: BRIDGE_CONFIG, else config/bridge.yaml)')
    .showHelpAfterError()
    .exitOverride();
  for (const command of [
    startCommand(),
    sendCommand(),
    rulesCommand(),
    eventsCommand(),
    backfillCommand(),
    connectionsCommand(),
    schemaCommand(),
    docsCommand(),
  ]) {
    program.addCommand(command.exitOverride());
  }
  for (const command of program.commands) {
    for (const subcommand of command.commands) {
      subcommand.exitOverride();
    }
  }
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : WRONG_USE;
    } else if (error instanceof WrongUse) {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = WRONG_USE;
    } else if (error instanceof Refused) {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = NO;
    } else if (isCorruption(error)) {
      process.stderr.write(
        'A file of the data folder is damaged. Start the bridge: it keeps what can be read, sets the damaged file aside and says so.\n',
      );
      process.exitCode = NO;
    } else {
      throw error;
    }
  }
}

void main();
