import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Inbox } from '../../src/inbox/inbox';
import { entryOf, inboxOptions, planOf } from './entries';

/* A child process that appends an event for each line on stdin and says `+ id` when it is acknowledged. Argument: data folder. */
const [, , dataDir = ''] = process.argv;
const opening = Inbox.open(inboxOptions(dataDir));
createInterface({ input: process.stdin }).on('line', (id) => {
  void opening
    .then((inbox) => inbox.append(entryOf('call_hangup', id, planOf('a'))))
    .then(() => writeSync(1, `+ ${id}\n`));
});
