import { spawn } from 'node:child_process';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { signatureOf } from '../../src/receiver/verified-request';
import { Secret } from '../../src/settings/secret';
import { closeDoors, hangup, openDoor, type Door } from './door';

jest.setTimeout(300_000);
afterEach(closeDoors);

const COUNT = 10_000;
const EVENTS = 500;
const secret = new Secret('a secret of this test');

interface Attack {
  /** Resolves when so many connections were opened in all. */
  opened: (count: number) => Promise<void>;
  counts: () => { opened: number; open: number; refused: number };
  stop: () => Promise<void>;
}

/** Attacks in another process, which has file descriptors of its own: one for each connection. */
function attack(url: string): Attack {
  const runner = [process.execPath, '-r', join(__dirname, '..', 'run-typescript.cjs'), join(__dirname, 'strangers.ts')];
  const command = `ulimit -n ${COUNT + 500} || exit 7; exec nice -n 19 "$@"`;
  const child = spawn('sh', ['-c', command, 'sh', ...runner, url, String(COUNT)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let counts = { opened: 0, open: 0, refused: 0 };
  let check = (): void => undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [opened = 0, open = 0, refused = 0] = [...line.matchAll(/\d+/g)].map(Number);
    counts = { opened, open, refused };
    check();
  });
  return {
    opened: (count) =>
      new Promise((resolve, reject) => {
        void ended.then((code) =>
          reject(
            new Error(
              code === 7
                ? `this test needs ${COUNT + 500} file descriptors (ulimit -Hn)`
                : `the attack ended early, with code ${code}`,
            ),
          ),
        );
        check = () => {
          if (counts.opened >= count) {
            resolve();
          }
        };
        check();
      }),
    counts: () => counts,
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/** Sends signed events one after the other, each on a connection of its own, until it is enough. */
async function sendEvents(
  door: Door,
  isEnough: (sent: number) => boolean,
): Promise<{ statuses: Set<number>; sortedMs: number[] }> {
  const statuses = new Set<number>();
  const tookMs: number[] = [];
  for (let n = 0; !isEnough(n); n += 1) {
    const payload = hangup(`c${n}`);
    const headers = { 'x-voipbin-signature': signatureOf(Buffer.from(payload), secret) };
    const startedAt = performance.now();
    statuses.add((await door.send({ payload, headers, agent: new Agent() })).status);
    tookMs.push(performance.now() - startedAt);
  }
  return { statuses, sortedMs: tookMs.sort((a, b) => a - b) };
}

test('10,000 hostile connections do not keep signed events from being answered', async () => {
  const quiet = await sendEvents(await openDoor({ secrets: [secret] }), (sent) => sent === EVENTS);
  const door = await openDoor({ secrets: [secret] });
  const strangers = attack(door.url);
  try {
    // The webhook is full, and the sender has not been seen yet.
    await strangers.opened(5_000);
    const among = await sendEvents(door, () => strangers.counts().opened >= COUNT);
    expect([...quiet.statuses, ...among.statuses]).toEqual([200, 200]);
    process.stdout.write(
      `alone: ${summary(quiet.sortedMs)}; among strangers: ${summary(among.sortedMs)}; ${JSON.stringify(strangers.counts())}\n`,
    );
  } finally {
    await strangers.stop();
  }
  const text = await door.metrics.registry.metrics();
  expect(text).toMatch(/bridge_connections_dropped_total\{reason="idle"\} [1-9]/);
  expect(door.log.said.filter((line) => line.includes('too many connections'))).toHaveLength(1);
});

function summary(sortedMs: readonly number[]): string {
  const at = (share: number): string => (sortedMs[Math.ceil(sortedMs.length * share) - 1] ?? 0).toFixed(1);
  return `${sortedMs.length} events, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, slowest ${at(1)} ms`;
}
