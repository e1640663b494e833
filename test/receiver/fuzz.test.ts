import { Agent } from 'node:http';
import { quarantineId } from '../../src/inbox/archive/quarantine';
import { knownTypeNames } from '../../src/events/catalogue';
import { closeDoors, openDoor } from './door';

afterEach(closeDoors);

/** A small seeded generator (mulberry32): a failure can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const TEXTS = [
  '',
  'a',
  '\0',
  '\ud800',
  '__proto__',
  'constructor',
  '+15551234567',
  '5551234567',
  '9999-01-01 00:00:00.000000',
  '2026-08-22T10:30:00.123456789Z',
  'inbound',
  'outgoing',
  "'; DROP TABLE events; --",
  '{{ peer.number }}',
  'x'.repeat(5_000),
  '\u{1F600}',
  '../../etc/passwd',
  'ünïcödé',
  '%00',
  '\r\nX: y',
];
const KEYS = [
  'id',
  'customer_id',
  'direction',
  'source',
  'destination',
  'targets',
  'type',
  'target',
  'tm_create',
  'tm_progressing',
  'tm_hangup',
  'tm_update',
  'hangup_reason',
  'status',
  'text',
  'reference_id',
  'reference_type',
  'master_call_id',
  'call_id',
  '__proto__',
  'constructor',
  'toString',
  'medias',
  'duration',
];

function anything(next: () => number, depth: number): unknown {
  const pick = <Item>(items: readonly Item[]): Item | undefined => items[Math.floor(next() * items.length)];
  switch (Math.floor(next() * (depth > 4 ? 5 : 8))) {
    case 0:
      return null;
    case 1:
      return next() < 0.5;
    case 2:
      return pick([0, -1, 1.5, 1e308, -0, 2 ** 60, 1e21]);
    case 3:
    case 4:
      return pick(TEXTS);
    case 5:
      return Array.from({ length: Math.floor(next() * 4) }, () => anything(next, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: Math.floor(next() * 8) }, () => [pick(KEYS) ?? 'id', anything(next, depth + 1)]),
      );
  }
}

function body(next: () => number, types: readonly string[]): Buffer {
  const typed = (): string =>
    next() < 0.8 ? (types[Math.floor(next() * types.length)] ?? '') : (TEXTS[Math.floor(next() * TEXTS.length)] ?? '');
  switch (Math.floor(next() * 10)) {
    case 0:
      return Buffer.from(Array.from({ length: Math.floor(next() * 200) }, () => Math.floor(next() * 256)));
    case 1:
      return Buffer.from(JSON.stringify(anything(next, 0)));
    case 2: {
      const depth = Math.floor(next() * 50_000);
      return Buffer.from(
        `{"type":"call_hangup","data":{"id":"x","deep":${'['.repeat(depth)}${next() < 0.5 ? ']'.repeat(depth) : ''}}}`,
      );
    }
    case 3: {
      const text = JSON.stringify({ type: typed(), data: anything(next, 0) });
      return Buffer.from(text.slice(0, Math.floor(next() * text.length)));
    }
    default:
      return Buffer.from(
        JSON.stringify({
          type: typed(),
          data: Object.fromEntries(
            Array.from({ length: Math.floor(next() * 12) }, () => [
              KEYS[Math.floor(next() * KEYS.length)] ?? 'id',
              anything(next, 1),
            ]),
          ),
        }),
      );
  }
}

test('whatever arrives is answered with 200 or 400, kept either way, and read back', async () => {
  const door = await openDoor({ noisePerMinute: 1_000_000 });
  const next = random(20_261_123);
  const types = knownTypeNames();
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const statuses = new Map<number, number>();
  for (let round = 0; round < 250; round += 1) {
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const payload = body(next, types);
        const contentType =
          ['application/json', 'text/plain', '', 'a;b;c', 'multipart/form-data'][Math.floor(next() * 5)] ?? '';
        const answer = await door.send({
          payload,
          agent,
          method: ['POST', 'PUT', 'POST'][Math.floor(next() * 3)] ?? 'POST',
          headers: { 'content-type': contentType },
        });
        return { answer, payload };
      }),
    );
    for (const { answer, payload } of answers) {
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      const kept =
        answer.status === 200
          ? door.reader.get(answer.json?.id ?? '')?.event.event_id === answer.json?.id
          : answer.json?.message?.includes(quarantineId(payload)) === true;
      if (!kept || (answer.status !== 200 && answer.status !== 400)) {
        throw new Error(`status ${answer.status}, kept: ${kept}, body: ${payload.toString('base64').slice(0, 2_000)}`);
      }
    }
  }
  expect([...statuses.keys()].sort((a, b) => a - b)).toEqual([200, 400]);
  expect(statuses.get(200)).toBeGreaterThan(800);
  expect(door.log.said).toEqual([]);
  expect([...door.reader.iterate({ since: new Date(0) })].length).toBeGreaterThan(500);
  agent.destroy();
}, 120_000);
