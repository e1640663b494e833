import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { signatureOf } from '../../src/receiver/verified-request';
import { Secret } from '../../src/settings/secret';
import type { Random } from './random';

/** How one request of an attacker ended: the status of its answer, or null when the connection ended without one. */
export interface HostileAnswer {
  kind: string;
  status: number | null;
}

const MIB = 1_048_576;
const GIVE_UP_MS = 20_000;
const CRLF = '\r\n';
/** A type that no rule matches: a mutated body that is still an event must have no effect. */
const HARMLESS =
  '{"type":"queuecall_created","data":{"id":"5371e9db-d035-4db6-a8d6-0994d33e744e","status":"waiting","name":"Grüße 안녕","tm_create":"2026-08-22T06:10:54.788Z"}}';

/** Requests that only an attacker sends, to one webhook. */
export class Attacker {
  readonly answers: HostileAnswer[] = [];
  readonly #url: URL;
  readonly #secret: Secret;
  readonly #bomb = gzipSync(Buffer.alloc(50 * MIB));
  #stopped = false;

  constructor(
    webhook: string,
    secret: string,
    private readonly random: Random,
  ) {
    this.#url = new URL(webhook);
    this.#secret = new Secret(secret);
  }

  /** Attacks in every way at once until {@link stop}. */
  async attack(): Promise<void> {
    const forever = async (kind: string, bytes: () => Buffer[], pauseMs: number, dribbleMs = 0): Promise<void> => {
      while (!this.#stopped) {
        this.answers.push({ kind, status: await this.#send(bytes(), dribbleMs) });
        await pause(pauseMs);
      }
    };
    const several = (count: number, start: () => Promise<void>): Promise<void>[] =>
      Array.from({ length: count }, start);
    await Promise.all([
      ...several(2, () => forever('fuzzed', () => this.#signed(this.#fuzzed()), 20)),
      forever(
        'wrong signature',
        () => this.#post(Buffer.from(HARMLESS), ['x-voipbin-signature: sha256=' + '0'.repeat(64)]),
        20,
      ),
      forever('no signature', () => this.#post(Buffer.from(HARMLESS)), 20),
      ...several(2, () => forever('20 MB declared', () => this.#signed(Buffer.alloc(20 * MIB, 0x20)), 200)),
      ...several(2, () => forever('20 MB chunked', () => this.#chunked(20), 200)),
      ...several(2, () =>
        forever(
          '9 MB without a right signature',
          () => this.#post(Buffer.alloc(9 * MIB, 0x20), ['x-voipbin-signature: sha256=' + '1'.repeat(64)]),
          200,
        ),
      ),
      ...several(2, () =>
        forever(
          '9 MB of brackets',
          () => this.#signed(Buffer.concat([Buffer.from(`[${this.random.next()},`), Buffer.alloc(9 * MIB, '[')])),
          500,
        ),
      ),
      ...several(2, () => forever('gzip bomb', () => this.#signed(this.#bomb, ['content-encoding: gzip']), 50)),
      forever(
        'transfer-encoding gzip',
        () => [Buffer.from(this.#head(['transfer-encoding: gzip, chunked'])), this.#bomb],
        100,
      ),
      forever('pipelined garbage', () => this.#garbage(), 20),
      ...several(40, () => forever('slow headers', () => bytewise(this.#head(['content-length: 10'])), 0, 250)),
      ...several(40, () =>
        forever('slow body', () => [...this.#signed(Buffer.from(HARMLESS)).slice(0, 1), ...bytewise(HARMLESS)], 0, 250),
      ),
    ]);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** For each kind of request, the number of answers by status. */
  summary(): Record<string, Record<string, number>> {
    const found: Record<string, Record<string, number>> = {};
    for (const { kind, status } of this.answers) {
      const byStatus = (found[kind] ??= {});
      byStatus[String(status)] = (byStatus[String(status)] ?? 0) + 1;
    }
    return found;
  }

  #head(headers: readonly string[]): string {
    return (
      [
        `POST ${this.#url.pathname} HTTP/1.1`,
        `host: ${this.#url.host}`,
        'content-type: application/json',
        ...headers,
      ].join(CRLF) +
      CRLF +
      CRLF
    );
  }

  #post(body: Buffer, headers: readonly string[] = []): Buffer[] {
    return [Buffer.from(this.#head([`content-length: ${body.length}`, ...headers])), body];
  }

  #signed(body: Buffer, headers: readonly string[] = []): Buffer[] {
    return this.#post(body, [`x-voipbin-signature: ${signatureOf(body, this.#secret)}`, ...headers]);
  }

  #chunked(mib: number): Buffer[] {
    const chunk = Buffer.concat([
      Buffer.from(`${MIB.toString(16)}${CRLF}`),
      Buffer.alloc(MIB, 0x20),
      Buffer.from(CRLF),
    ]);
    return [
      Buffer.from(this.#head(['transfer-encoding: chunked', `x-voipbin-signature: sha256=${'2'.repeat(64)}`])),
      ...Array.from({ length: mib }, () => chunk),
      Buffer.from(`0${CRLF}${CRLF}`),
    ];
  }

  /** A body that may be anything, signed as if it came from VoIPBIN. */
  #fuzzed(): Buffer {
    const { random } = this;
    const bytes = Buffer.from(HARMLESS);
    const anything = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random.whole(0, 255)));
    switch (random.whole(0, 9)) {
      case 0:
        return anything(random.whole(0, 30_000));
      case 1:
        return bytes.subarray(0, random.whole(0, bytes.length));
      case 2:
        return Buffer.from('['.repeat(random.whole(1_000, 100_000)));
      case 3:
        return Buffer.from(`{"type":"queuecall_created","data":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`);
      case 4:
        return Buffer.from(
          `{"type":${random.pick(['5', 'null', '[]', '""', '"\\u0000"', `"${'x'.repeat(50_000)}"`])},"data":{"id":"1"}}`,
        );
      case 5:
        return Buffer.from(
          `{"type":"queuecall_created","data":${random.pick(['[]', 'null', '1e999', '"text"', '{"id":{"__proto__":{"x":1}}}', '{"__proto__":{"id":"x"},"constructor":{"prototype":1}}'])}}`,
        );
      case 6:
        return Buffer.concat([
          Buffer.from(
            random.pick([
              [0xef, 0xbb, 0xbf],
              [0xff, 0xfe],
              [0xc3, 0x28],
            ]),
          ),
          bytes,
        ]);
      case 7:
        return Buffer.from(
          `{"type":"queuecall_created","data":{"id":"${'9'.repeat(random.whole(1, 40_000))}","tm_create":${'9'.repeat(400)}}}`,
        );
      default: {
        // Only what is inside the strings of `data` may become another event; the type is left as it is.
        const mutated = Buffer.from(bytes);
        for (let times = random.whole(1, 8); times > 0; times -= 1) {
          mutated[random.whole(30, mutated.length - 1)] = random.whole(0, 255);
        }
        return mutated;
      }
    }
  }

  #garbage(): Buffer[] {
    const { random } = this;
    const get = `GET ${this.#url.pathname} HTTP/1.1${CRLF}host: x${CRLF}${CRLF}`;
    return [
      random.pick([
        Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
        Buffer.from(get.repeat(200) + 'nonsense' + CRLF.repeat(3)),
        Buffer.from(this.#head(['content-length: 5', 'transfer-encoding: chunked']) + '0' + CRLF + CRLF + get),
        Buffer.from(`POST ${'/x'.repeat(40_000)} HTTP/1.1${CRLF}${CRLF}`),
        Buffer.from(this.#head([`x: ${'y'.repeat(100_000)}`])),
        Buffer.from(this.#head(['content-length: -1'])),
        Buffer.from(this.#head(['content-length: 99999999999999999999'])),
        Buffer.from(Array.from({ length: 5_000 }, () => random.whole(0, 255))),
      ]),
    ];
  }

  /** Writes piece by piece, on a connection of its own, and waits for the first answer. */
  #send(pieces: readonly Buffer[], dribbleMs: number): Promise<number | null> {
    return new Promise((resolve) => {
      const socket = connect(Number(this.#url.port), this.#url.hostname);
      let received = '';
      let at = 0;
      const end = (): void => {
        clearTimeout(timer);
        clearInterval(dribble);
        socket.destroy();
        const status = /^HTTP\/1\.1 (\d{3})/.exec(received)?.[1];
        resolve(status === undefined ? null : Number(status));
      };
      const timer = setTimeout(end, GIVE_UP_MS);
      const writeNext = (): void => {
        const piece = pieces[at];
        at += 1;
        // A slow request is aborted; a request that was sent at once must get an answer.
        if (this.#stopped && dribbleMs > 0) {
          end();
        } else if (piece !== undefined && socket.writable) {
          socket.write(piece);
        }
      };
      const dribble = setInterval(writeNext, dribbleMs === 0 ? GIVE_UP_MS * 2 : dribbleMs);
      socket.setEncoding('latin1');
      socket.on('connect', () => {
        if (dribbleMs === 0) {
          pieces.forEach(writeNext);
        }
      });
      socket.on('data', (text: string) => {
        received += text;
        if (received.includes(CRLF)) {
          end();
        }
      });
      socket.on('error', end);
      socket.on('close', end);
    });
  }
}

function bytewise(text: string): Buffer[] {
  return [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
