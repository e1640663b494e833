import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { InboxReader } from '../../src/inbox/archive/reader';
import { dataFolder, removeDataFolders } from '../inbox/entries';
import { endedCall, HOUR, kept, noted, openAccount, text, type Account } from './set-up';

let account: Account;
const children: ChildProcess[] = [];

beforeEach(async () => {
  account = await openAccount();
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
  }
  await account.close();
  removeDataFolders();
});

/** Starts a child that backfills, and gives its lines as they come. */
function start(
  dataDir: string,
  behindMs = 0,
): { child: ChildProcess; lines: string[]; line(beginning: string): Promise<string> } {
  const child = spawn(
    process.execPath,
    [
      '-r',
      join(__dirname, '../run-typescript.cjs'),
      join(__dirname, 'backfill-process.ts'),
      dataDir,
      account.standIn.url,
      String(behindMs),
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  children.push(child);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (said) => lines.push(said));
  return {
    child,
    lines,
    line: async (beginning) => {
      for (;;) {
        const found = lines.find((said) => said.startsWith(beginning));
        if (found !== undefined) {
          return found;
        }
        await once(reader, 'line');
      }
    },
  };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** Until the stand-in was asked so many times more. */
async function asked(more: number): Promise<void> {
  const until = account.standIn.requests.length + more;
  while (account.standIn.requests.length < until) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

test('kill -9 at any moment: what was looked at stays looked at, nothing is lost and nothing comes twice', async () => {
  const dataDir = dataFolder();
  const first = start(dataDir, 6 * HOUR);
  await first.line('finished');
  await kill(first.child);
  const expected: string[] = [];
  const calls = Array.from({ length: 900 }, (_, n) => endedCall(`c-${n}`, HOUR + n * 10_000));
  for (const [n, call] of calls.entries()) {
    account.standIn.addCall(call);
    expected.push(`call_hangup/c-${n}`);
    if (n < 450) {
      account.standIn.addMessage(text(`m-${n}`, HOUR + n * 10_000));
      expected.push(`message_created/m-${n}`);
    }
  }
  const before = account.standIn.requests.length;
  const marks: unknown[] = [];
  for (const requests of [3, 4, 5, 6]) {
    const { child } = start(dataDir);
    await asked(requests);
    await kill(child);
    marks.push(noted(dataDir)['resources']);
  }
  const last = start(dataDir);
  await last.line('finished');
  await kill(last.child);

  const reader = InboxReader.open(dataDir);
  expect(kept(reader)).toEqual(expected.sort());
  reader.close();
  // Each start got further than the one before it, rather than begin anew: 14 pages in all, and per start the customer,
  // and what was under way or came since.
  expect(new Set(marks.map((mark) => JSON.stringify(mark))).size).toBe(4);
  expect(account.standIn.requests.length - before).toBeLessThanOrEqual(14 + 5 * 6);
  expect(noted(dataDir)).toMatchObject({ resources: { calls: { sweep: null, mark: calls[0]?.['tm_create'] } } });
}, 120_000);
