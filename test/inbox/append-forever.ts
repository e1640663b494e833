import { writeSync } from 'node:fs';
import { Inbox } from '../../src/inbox/inbox';
import { entryOf, inboxOptions, planOf } from './entries';

/*
 * A child process that appends without end and says, on stdout, what became of each: `+ id` when it was acknowledged, `- code` when it was
 * refused; each line is written before the next append. Arguments: data folder, prefix of ids.
 */
const [, , dataDir = '', prefix = ''] = process.argv;
const opening = Inbox.open(inboxOptions(dataDir));

async function appendForever(inbox: Inbox, lane: number): Promise<void> {
  for (let n = 0; ; n += 1) {
    const id = `${prefix}-${lane}-${n}`;
    const body = Buffer.from(JSON.stringify({ type: 'call_hangup', data: { id, filler: 'x'.repeat(500) } }));
    try {
      await inbox.append(entryOf('call_hangup', id, planOf('a'), { body }));
      writeSync(1, `+ ${id}\n`);
    } catch (error) {
      writeSync(1, `- ${error instanceof Error && 'code' in error ? String(error.code) : 'unknown'}\n`);
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
