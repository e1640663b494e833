// @ts-check
/**
 * Sends events to a running bridge at a fixed rate and tells how long the answers took, and how long until every run was done.
 * Open loop: a slow answer does not hold the next request back.
 *
 * node bench/load.mjs --webhook http://127.0.0.1:5000/voipbin/webhook --admin http://127.0.0.1:5001 --rate 50 --seconds 20
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    webhook: { type: 'string', default: 'http://127.0.0.1:5000/voipbin/webhook' },
    admin: { type: 'string', default: 'http://127.0.0.1:5001' },
    rate: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '20' },
    type: { type: 'string', default: 'call_hungup' },
  },
});
const rate = Number(values.rate);
const total = Math.round(rate * Number(values.seconds));
const DRAIN_WITHIN_MS = 600_000;

/** The sum of a counter over all its labels, as /metrics has it. @param {string} name */
async function counter(name) {
  const text = await (await fetch(`${values.admin}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** @param {number[]} sorted @param {number} share */
const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;

/** @type {number[]} */
const tookMs = [];
/** @type {Record<string, number>} */
const statuses = {};
async function send() {
  const id = randomUUID();
  const body = JSON.stringify({
    type: values.type,
    data: {
      id,
      direction: 'incoming',
      hangup_reason: 'normal',
      source: { type: 'tel', target: '+15551234567' },
      destination: { type: 'tel', target: '+15559876543' },
      tm_create: '2026-03-02T01:00:00Z',
      tm_progressing: '2026-03-02T01:00:05Z',
      tm_hangup: '2026-03-02T01:01:05Z',
    },
  });
  const began = performance.now();
  const response = await fetch(values.webhook, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const answer = await response.json();
  tookMs.push(performance.now() - began);
  const status = `${response.status} ${answer.status ?? ''}`.trim();
  statuses[status] = (statuses[status] ?? 0) + 1;
}

const closedBefore = await counter('bridge_runs_closed_total');
const began = performance.now();
const sends = [];
for (let sent = 0; sent < total; sent += 1) {
  const due = began + (sent * 1_000) / rate;
  const wait = due - performance.now();
  if (wait > 0) {
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
  sends.push(send());
}
await Promise.all(sends);
const sentMs = performance.now() - began;
const toDo = statuses['200 received'] ?? 0;
let done = 0;
while (done < toDo && performance.now() - began < DRAIN_WITHIN_MS) {
  await new Promise((resolve) => setTimeout(resolve, 250));
  done = (await counter('bridge_runs_closed_total')) - closedBefore;
}
const doneMs = performance.now() - began;
tookMs.sort((one, other) => one - other);
console.log(
  JSON.stringify({
    rate,
    sent: total,
    statuses,
    ack_ms: { p50: quantile(tookMs, 0.5), p99: quantile(tookMs, 0.99), max: tookMs.at(-1) },
    sent_in_s: sentMs / 1_000,
    runs: { to_do: toDo, done, done_in_s: doneMs / 1_000, per_s: done / (doneMs / 1_000) },
  }, null, 1),
);
