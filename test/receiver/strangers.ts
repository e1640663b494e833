import { connect } from 'node:net';

/*
 * A child process of a test that attacks a webhook with connections: it opens `count` of them from eight addresses,
 * opens each again when it is closed, up to four times `count` in all, and prints `opened N open M refused R` four times
 * a second. It ends when its standard input ends, and after five minutes in any case.
 */
const [, , url = '', countText = ''] = process.argv;
const count = Number(countText);
const { port, hostname } = new URL(url);
/** New connections in one step, and the time between two steps: 1,000 a second. */
const STEP = 10;
const STEP_MS = 10;

const HEAD = 'POST /voipbin/webhook HTTP/1.1\r\nHost: x\r\n';
const WAYS = [
  // Says nothing.
  '',
  // One answer, then idle.
  'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  // Headers without end.
  HEAD,
  // A body without end.
  `${HEAD}X-VoIPBIN-Signature: sha256=${'0'.repeat(64)}\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1_000)}`,
  // A wrong signature, and again on the same connection for as long as that is possible.
  `${HEAD}Content-Length: 2\r\n\r\n{}`.repeat(3),
];

const counts = { opened: 0, open: 0, refused: 0 };
let wanted = count;

function open(): void {
  const n = counts.opened;
  counts.opened += 1;
  counts.open += 1;
  const socket = connect({ port: Number(port), host: hostname, localAddress: `127.0.2.${(n % 8) + 1}` });
  socket.on('connect', () => socket.write(WAYS[n % WAYS.length] ?? ''));
  socket.resume();
  socket.on('error', (error: NodeJS.ErrnoException) => {
    counts.refused += error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 0 : 1;
  });
  socket.on('close', () => {
    counts.open -= 1;
    wanted += counts.opened + wanted < 4 * count ? 1 : 0;
  });
}

setInterval(() => {
  for (let n = 0; n < STEP && wanted > 0; n += 1) {
    wanted -= 1;
    open();
  }
}, STEP_MS);
setInterval(() => {
  process.stdout.write(`opened ${counts.opened} open ${counts.open} refused ${counts.refused}\n`);
}, 250);
process.stdin.resume().on('end', () => process.exit(0));
setTimeout(() => process.exit(0), 300_000);
