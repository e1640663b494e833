import type { Command } from 'commander';
import { backUp, restore, type Backup } from '../operations/backup';
import { printableLines } from '../text/printable';
import { printResult } from './print';
import { readDataDir } from './read-settings';

interface Options {
  json?: true;
}

/** `bridge backup FILE`. */
export function defineBackup(command: Command): void {
  command
    .argument('<file>', 'the file to write; it holds personal data')
    .option('--json', 'print JSON')
    .action((file: string, { json }: Options, self: Command) => {
      const dataDir = readDataDir(self);
      const backup = backUp(dataDir, file);
      printResult(json, backup, () =>
        printableLines([`${file}: a copy of ${dataDir} (${sizeOf(backup)}).`, `To restore it: bridge restore ${file}`]),
      );
    });
}

/** `bridge restore FILE`. */
export function defineRestore(command: Command): void {
  command
    .argument('<file>', 'a file that bridge backup wrote')
    .option('--json', 'print JSON')
    .action((file: string, { json }: Options, self: Command) => {
      const dataDir = readDataDir(self);
      const backup = restore(file, dataDir);
      printResult(json, backup, () =>
        printableLines([
          `${dataDir} is as it was at ${backup.made_at} (${sizeOf(backup)}).`,
          'Start the bridge, then fetch what came since from VoIPBIN:',
          `  bridge backfill --since ${backup.made_at}`,
          ...(backup.files.some(({ name }) => name === 'backfill.json')
            ? [
                'Where backfill.enabled is on, the bridge looks for it by itself, unless you delete backfill.json first.',
              ]
            : []),
        ]),
      );
    });
}

function sizeOf({ files }: Backup): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return `${files.map(({ name }) => name).join(', ')}; ${(bytes / 1_048_576).toFixed(1)} MiB`;
}
