import { writeSync } from 'node:fs';
import { Inbox } from '../../src/inbox/inbox';
import { entryOf, inboxOptions, planOf, sentences } from './entries';

/*
 * A child process that appends two events, together, once a line comes in on stdin, says what became of them and of the inbox, then
 * waits without any traffic until the inbox says that all is well, and appends them again. Argument: data folder.
 */
const [, , dataDir = ''] = process.argv;
const log = sentences();
const opening = Inbox.open(inboxOptions(dataDir, { log }));

function say(what: unknown): void {
  writeSync(1, `${JSON.stringify(what)}\n`);
}

async function appendBoth(inbox: Inbox): Promise<string[]> {
  const outcomes = await Promise.allSettled(
    ['c1', 'c2'].map((id) => inbox.append(entryOf('call_hangup', id, planOf(`rule-${id}`)))),
  );
  return outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : String(outcome.reason)));
}

async function waitOut(): Promise<void> {
  const inbox = await opening;
  say({ outcomes: await appendBoth(inbox), problem: inbox.problem()?.message ?? null });
  while (inbox.problem() !== null) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  say({ said: log.said.at(-1) });
  const outcomes = await appendBoth(inbox);
  say({ outcomes, problem: inbox.problem()?.message ?? null });
  await inbox.close();
}

process.stdin.once('data', () => {
  process.stdin.pause();
  void waitOut();
});
void opening.then(() => say('ready'));
