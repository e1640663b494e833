import { Inbox } from '../../src/inbox/inbox';
import { entryOf, inboxOptions, planOf } from './entries';

/*
 * A child process that appends without end and says, on stdout, what became of each: `+ id` when it was acknowledged, `- code` when it was
 * refused; each line is written before the next append. Arguments: data folder, prefix of ids.
 */
const [, , dataDir = '', prefix = ''] = process.argv;
const opening = Inbox.open(inboxOptions(dataDir));

/** Resolves when the line is written. A pipe whose reader is slow is full now and then. */
function print(line: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(line, () => resolve()));
}

async function appendForever(inbox: Inbox, lane: number): Promise<void> {
  for (let n = 0; ; n += 1) {
    const id = `${prefix}-${lane}-${n}`;
    const body = Buffer.from(JSON.stringify({ type: 'call_hangup', data: { id, filler: 'x'.repeat(500) } }));
    try {
      await inbox.append(entryOf('call_hangup', id, planOf('a'), { body }));
      await print(`+ ${id}\n`);
    } catch (error) {
      await print(`- ${error instanceof Error && 'code' in error ? String(error.code) : 'unknown'}\n`);
      // Refused: leave the processor to those who mend the disk.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

void opening.then((inbox) => {
  for (let lane = 0; lane < 20; lane += 1) {
    void appendForever(inbox, lane);
  }
});
