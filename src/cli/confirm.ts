import { createInterface } from 'node:readline/promises';
import { WrongUse } from '../errors/operator-errors';

/**
 * Asks whether to do what was shown; `--yes` answers it.
 * @throws WrongUse when nobody can be asked.
 */
export async function isConfirmed({ yes, json }: { yes?: true; json?: true }): Promise<boolean> {
  if (yes === true) {
    return true;
  }
  if (json === true || !process.stdin.isTTY) {
    throw new WrongUse('nobody can be asked here: --yes does it, --dry-run only shows what would be done');
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question('Do it? [y/N] ')).trim());
  } finally {
    terminal.close();
  }
}
