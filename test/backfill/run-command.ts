import { Command } from 'commander';
import { backfillCommand } from '../../src/cli/backfill';
import { NO, Refused, WRONG_USE, WrongUse } from '../../src/errors/operator-errors';

/* The command alone, in a process of its own: as the program runs it. */
async function main(): Promise<void> {
  try {
    await new Command('bridge').option('--config <file>').addCommand(backfillCommand()).parseAsync();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : 'failed'}\n`);
    process.exitCode = error instanceof WrongUse ? WRONG_USE : error instanceof Refused ? NO : 3;
  }
}

void main();
