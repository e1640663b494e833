import { PassThrough } from 'node:stream';
import { Callers } from '../../src/receiver/callers';
import { BodyMemory, readBody } from '../../src/receiver/read-body';
import { signatureOf } from '../../src/receiver/verified-request';
import { Secret } from '../../src/settings/secret';
import { connectTo, until, type Client } from './crowd';
import { closeDoors, hangup, openDoor } from './door';

const clients: Client[] = [];

afterEach(async () => {
  clients.splice(0).forEach(({ socket }) => socket.destroy());
  await closeDoors();
});

const secret = new Secret('a secret of this test');
const KIB = 1_024;
const MIB = KIB * KIB;

describe('memory for bodies that are being read', () => {
  const NOISE_PER_MINUTE = 3;

  function memory(total: number, perStranger: number) {
    const callers = new Callers(NOISE_PER_MINUTE);
    const shared = new BodyMemory({ total, perStranger }, callers);
    /** A body that has begun; `write` waits until it was read. */
    const begin = (address: string) => {
      const stream = new PassThrough();
      const read = readBody(stream, { maxBytes: 10 * MIB, memory: shared, address });
      let outcome = 'reading';
      void read.then((result) => (outcome = result.ok ? `${result.body.length} bytes` : result.failure));
      return {
        write: async (bytes: number) => {
          stream.write(Buffer.alloc(bytes));
          await new Promise(setImmediate);
        },
        end: async () => {
          stream.end();
          await read;
        },
        break: async () => {
          stream.destroy();
          await read;
        },
        outcome: () => outcome,
      };
    };
    return { callers, begin };
  }

  test('the oldest body of a stranger gives way to a new one', async () => {
    const { begin } = memory(300 * KIB, 300 * KIB);
    const endless = [begin('a'), begin('b')];
    await endless[0]?.write(140 * KIB);
    await endless[1]?.write(140 * KIB);
    const honest = begin('c');
    await honest.write(140 * KIB);
    await honest.end();
    expect([...endless, honest].map((body) => body.outcome())).toEqual(['busy', 'reading', `${140 * KIB} bytes`]);
  });

  test('the oldest itself is refused when it wants more, not a younger one', async () => {
    const { begin } = memory(300 * KIB, 300 * KIB);
    const [old, young] = [begin('a'), begin('b')];
    await old.write(140 * KIB);
    await young.write(140 * KIB);
    await old.write(140 * KIB);
    expect([old.outcome(), young.outcome()]).toEqual(['busy', 'reading']);
  });

  test('a stranger has a share, within which its own bodies give way', async () => {
    const { begin } = memory(600 * KIB, 200 * KIB);
    const [greedy, other] = [begin('a'), begin('b')];
    await other.write(150 * KIB);
    await greedy.write(150 * KIB);
    const next = begin('a');
    await next.write(150 * KIB);
    expect([greedy.outcome(), next.outcome(), other.outcome()]).toEqual(['busy', 'reading', 'reading']);
    await next.write(150 * KIB);
    expect(next.outcome()).toBe('busy');
  });

  test('senders take from strangers, never strangers from senders', async () => {
    const { callers, begin } = memory(300 * KIB, 300 * KIB);
    callers.rememberSender('sender');
    const stranger = begin('a');
    await stranger.write(200 * KIB);
    const sent = [begin('sender'), begin('sender')];
    await sent[0]?.write(140 * KIB);
    await sent[1]?.write(140 * KIB);
    const late = begin('b');
    await late.write(140 * KIB);
    expect([stranger, ...sent, late].map((body) => body.outcome())).toEqual(['busy', 'reading', 'reading', 'busy']);
  });

  test('is released however a body ends', async () => {
    const { begin } = memory(200 * KIB, 200 * KIB);
    for (let n = 0; n < 5; n += 1) {
      const [whole, broken] = [begin('a'), begin('a')];
      await whole.write(150 * KIB);
      await whole.end();
      await broken.write(150 * KIB);
      await broken.break();
      expect([whole.outcome(), broken.outcome()]).toEqual([`${150 * KIB} bytes`, 'broken']);
    }
  });

  test('a noisy address gets none, unless it is a sender; ordinary bodies need none', async () => {
    const { callers, begin } = memory(MIB, MIB);
    for (let n = 0; n <= NOISE_PER_MINUTE; n += 1) {
      callers.countNoise('a');
    }
    const large = begin('a');
    await large.write(100 * KIB);
    const small = begin('a');
    await small.write(60 * KIB);
    await small.end();
    callers.rememberSender('a');
    const again = begin('a');
    await again.write(100 * KIB);
    expect([large, small, again].map((body) => body.outcome())).toEqual(['busy', `${60 * KIB} bytes`, 'reading']);
  });

  test('chunks of one byte are joined, in order', async () => {
    const { callers } = memory(MIB, MIB);
    const stream = new PassThrough();
    const read = readBody(stream, {
      maxBytes: MIB,
      memory: new BodyMemory({ total: MIB, perStranger: MIB }, callers),
      address: 'a',
    });
    const whole = Buffer.from(Array.from({ length: 1_000 }, (_, n) => n % 251));
    whole.forEach((byte) => stream.write(Buffer.of(byte)));
    stream.end();
    expect(await read).toEqual({ ok: true, body: whole });
  });
});

describe('46 unsigned requests that never end', () => {
  /** As in the attack of the security review: they fill all memory, and stop. */
  const SIZES = [
    ...Array.from({ length: 25 }, () => 10 * MIB - 1_000),
    ...Array.from({ length: 9 }, () => 1_000_000),
    ...Array.from({ length: 12 }, () => 165_000),
  ];
  const head =
    'POST /voipbin/webhook HTTP/1.1\r\nHost: x\r\n' +
    `X-VoIPBIN-Signature: sha256=${'0'.repeat(64)}\r\nContent-Length: ${10 * MIB}\r\n\r\n`;

  async function attack(url: string, from: (n: number) => string): Promise<void> {
    const body = Buffer.alloc(10 * MIB, 0x20);
    for (const [n, size] of SIZES.entries()) {
      const client = await connectTo(url, from(n), head);
      client.socket.on('error', () => undefined);
      clients.push(client);
      let isWritten = false;
      client.socket.write(body.subarray(0, size), () => (isWritten = true));
      await until(() => isWritten || !client.isOpen());
      // The webhook reads what the system still holds.
      for (let turn = 0; turn < 50; turn += 1) {
        await new Promise(setImmediate);
      }
    }
  }

  test.each<[name: string, from: (n: number) => string, isKnown: boolean]>([
    ['from one address', () => '127.0.0.9', false],
    ['from many addresses', (n) => `127.0.1.${n + 1}`, false],
    ['from many addresses, after the sender was seen', (n) => `127.0.1.${n + 1}`, true],
    ["from the sender's own address", () => '127.0.0.1', true],
  ])(
    '%s do not turn away signed events of 300 KB',
    async (_, from, isKnown) => {
      const door = await openDoor({ secrets: [secret] });
      const send = async (id: string, filler: number): Promise<number> => {
        const payload = hangup(id, { filler: 'x'.repeat(filler) });
        const headers = { 'x-voipbin-signature': signatureOf(Buffer.from(payload), secret) };
        return (await door.send({ payload, headers })).status;
      };
      expect(isKnown ? await send('first', 10) : 200).toBe(200);
      await attack(door.url, from);
      const answers: number[] = [];
      for (let n = 0; n < 20; n += 1) {
        answers.push(await send(`large-${n}`, 300_000));
      }
      expect(answers).toEqual(Array.from({ length: 20 }, () => 200));
    },
    30_000,
  );
});
