import { Command, CommanderError } from 'commander';
import {
  errorReferenceLine,
  EXIT_FAILED,
  EXIT_OK,
  EXIT_USAGE,
  OperationFailed,
  WrongUse,
} from '../errors/operator-errors';
import { packageVersion } from '../setup/package-root';
import { printMessage, printOutput } from '../text/print';
import { COMMANDS } from './commands';

/**
 * Libraries that format times calculate with this machine's time zone, and are an hour off around its own clock changes.
 * Everything inside is UTC; the zones of rules are named. Child processes inherit it.
 */
process.env['TZ'] = 'UTC';

/** The command line. Exit codes: operator-errors.ts. */
async function main(): Promise<void> {
  const program = new Command('bridge')
    .description('VoIPBIN webhooks in, durable Temporal workflows out.')
    .version(packageVersion())
    .option('--config <file>', 'settings file (default: BRIDGE_CONFIG, else config/bridge.yaml)')
    .configureOutput({
      writeOut: (text) => printOutput(text.trimEnd()),
      writeErr: (text) => printMessage(text.trimEnd()),
    })
    .showHelpAfterError()
    .exitOverride();
  for (const { name, description } of COMMANDS) {
    program.command(name).description(description);
  }
  program.hook('preSubcommand', async (_program, command) => {
    if (command.name() !== 'start') {
      process.stdout.on('error', ignoreClosedPipe);
    }
    await COMMANDS.find(({ name }) => name === command.name())?.define(command);
  });
  try {
    await program.parseAsync(withoutHelpCommand(process.argv.slice(2)), { from: 'user' });
  } catch (error) {
    process.exitCode = await exitCodeOf(error);
  }
}

/** Whoever reads the output may stop reading (`| head`). The command ends what it does all the same. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') {
    throw error;
  }
}

/** `help rules` as `rules --help`: Commander's own help command would not load the command. */
function withoutHelpCommand([first, ...rest]: string[]): string[] {
  return first === 'help' && rest.length > 0 ? [...rest, '--help'] : first === undefined ? [] : [first, ...rest];
}

/** Prints what a person needs to know of an error. @returns the exit code. @throws errors that are bugs. */
async function exitCodeOf(error: unknown): Promise<number> {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  }
  if (error instanceof WrongUse || error instanceof OperationFailed) {
    printMessage(error.message);
    if (error instanceof OperationFailed && error.code !== null) {
      printMessage(errorReferenceLine(error.code));
    }
    return error instanceof WrongUse ? EXIT_USAGE : EXIT_FAILED;
  }
  const { isCorruption } = await import('../storage/sqlite.js');
  if (isCorruption(error)) {
    printMessage(
      'A file in the data folder is damaged. Start the bridge: it keeps what can be read, sets the damaged file aside and says so.',
    );
    printMessage(errorReferenceLine('data_file_damaged'));
    return EXIT_FAILED;
  }
  throw error;
}

void main();
