import { createHmac, randomBytes } from 'node:crypto';
import { crc32, deflateRawSync } from 'node:zlib';
import type { JsonObject } from '../../../events/json';

/** VoIPBIN signs a file's own address for a week, and that of a ZIP for a day. */
const LINK_LIFETIME_S = 7 * 86_400;
const ZIP_LIFETIME_S = 86_400;
const DEFAULT_WAV_BYTES = 16_044;
const EMPTY_WAV_BYTES = 44;
const MOST_KEPT = 1_000;

/** A recording to put into the stand-in. */
export interface NewRecording {
  id: string;
  /** Whether its files are stored at once; default false. */
  stored?: boolean;
  /** Stores its files by itself after this time; default never. */
  storedAfterMs?: number;
  /** Size of each WAV; default 16,044 (one second). */
  sizeBytes?: number;
  /** Size of one side, where it is another: 44 is a header without sound, 0 an empty file. */
  legBytes?: { in?: number; out?: number };
  /** Whether VoIPBIN reports the sizes of files; default true. */
  sizesKnown?: boolean;
  /** How often each file is listed, as after an event inside VoIPBIN was delivered twice; default 1. */
  listedTimes?: number;
  callId?: string;
  /** A call has two legs, a conference one; default `call`. */
  referenceType?: 'call' | 'confbridge';
  /** Whether files get a signed address of their own; default true. VoIPBIN gives none where signing is off. */
  signed?: boolean;
}

/** One WAV as the stand-in would serve it. */
export interface StandInWav {
  /** `<recording id>_in.wav` */
  name: string;
  content: Buffer;
}

interface Kept {
  recording: Required<
    Pick<
      NewRecording,
      'id' | 'sizeBytes' | 'legBytes' | 'referenceType' | 'signed' | 'sizesKnown' | 'listedTimes' | 'callId'
    >
  >;
  createdAt: Date;
  /** How many of its files are stored, from when (epoch ms). */
  storedFrom: number;
  storedLegs: number;
}

const LEGS = ['in', 'out'] as const;

/**
 * Recordings and their stored files, as VoIPBIN keeps them: the recording is there at once, its files later, and no
 * event tells when.
 */
export class StandInRecordings {
  readonly #kept = new Map<string, Kept>();
  readonly #signingKey = randomBytes(16);

  constructor(private readonly customerId: string) {}

  add(recording: NewRecording): void {
    const storedFrom =
      recording.stored === true ? 0 : Date.now() + (recording.storedAfterMs ?? Number.POSITIVE_INFINITY);
    this.#kept.set(recording.id, {
      recording: {
        id: recording.id,
        callId: recording.callId ?? '00000000-0000-0000-0000-000000000000',
        sizeBytes: recording.sizeBytes ?? DEFAULT_WAV_BYTES,
        referenceType: recording.referenceType ?? 'call',
        signed: recording.signed ?? true,
        legBytes: recording.legBytes ?? {},
        sizesKnown: recording.sizesKnown ?? true,
        listedTimes: recording.listedTimes ?? 1,
      },
      createdAt: new Date(),
      storedFrom,
      storedLegs: LEGS.length,
    });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) {
      this.#kept.delete(oldest);
    }
  }

  has(id: string): boolean {
    return this.#kept.has(id);
  }

  /** Stores its files now; `legs: 1` stores only the first of two, as VoIPBIN does for a moment. */
  store(id: string, legs: 1 | 2 = 2): void {
    const kept = this.#kept.get(id);
    if (kept === undefined) {
      throw new TypeError('no such recording in the stand-in');
    }
    kept.storedFrom = 0;
    kept.storedLegs = legs;
  }

  /** The WAVs of a recording that are stored by now. */
  wavs(id: string): StandInWav[] {
    return this.#storedNames(id).map((name) => ({ name, content: makeWav(name, this.#sizeOf(id, name)) }));
  }

  #sizeOf(id: string, name: string): number {
    const { sizeBytes = 0, legBytes = {} } = this.#kept.get(id)?.recording ?? {};
    return legBytes[name.endsWith('_in.wav') ? 'in' : 'out'] ?? sizeBytes;
  }

  #storedNames(id: string): string[] {
    const kept = this.#kept.get(id);
    if (kept === undefined || Date.now() < kept.storedFrom) {
      return [];
    }
    const legs = LEGS.slice(0, kept.recording.referenceType === 'confbridge' ? 1 : kept.storedLegs);
    return legs.map((leg) => `${id}_${leg}.wav`);
  }

  /** Newest first. */
  list(): { createdAt: Date; item: JsonObject }[] {
    return [...this.#kept.keys()]
      .map((id) => this.describe(id))
      .filter((found) => found !== null)
      .reverse();
  }

  /** As `GET /recordings/{id}` gives it. */
  describe(id: string): { createdAt: Date; item: JsonObject } | null {
    const kept = this.#kept.get(id);
    if (kept === undefined) {
      return null;
    }
    const created = kept.createdAt.toISOString();
    const item = {
      id,
      customer_id: this.customerId,
      owner_type: '',
      owner_id: '00000000-0000-0000-0000-000000000000',
      activeflow_id: '00000000-0000-0000-0000-000000000000',
      reference_type: kept.recording.referenceType,
      reference_id: kept.recording.callId,
      status: 'ended',
      format: 'wav',
      on_end_flow_id: '00000000-0000-0000-0000-000000000000',
      tm_start: created,
      tm_end: created,
      tm_create: created,
      tm_update: created,
    };
    return { createdAt: kept.createdAt, item };
  }

  /** The stored files of all recordings, newest first. */
  files(origin: string): { createdAt: Date; item: JsonObject }[] {
    return [...this.#kept.values()].reverse().flatMap((kept) =>
      this.#listedNames(kept).map((name) => ({
        createdAt: kept.createdAt,
        item: {
          id: `file-${name}`,
          customer_id: this.customerId,
          owner_id: '00000000-0000-0000-0000-000000000000',
          reference_type: 'recording',
          reference_id: kept.recording.id,
          name,
          detail: '',
          filename: name,
          filesize: kept.recording.sizesKnown ? this.#sizeOf(kept.recording.id, name) : null,
          uri_download: kept.recording.signed ? this.sign(origin, name) : '',
          tm_download_expire: new Date(Date.now() + LINK_LIFETIME_S * 1_000).toISOString(),
          tm_create: kept.createdAt.toISOString(),
          tm_update: null,
          tm_delete: null,
        },
      })),
    );
  }

  #listedNames({ recording }: Kept): string[] {
    return this.#storedNames(recording.id).flatMap((name) => Array.from({ length: recording.listedTimes }, () => name));
  }

  /** A ZIP of what is stored by now: empty while nothing is. */
  zip(id: string): Buffer {
    return writeZip(this.wavs(id));
  }

  /** A signed address that needs no credential. */
  sign(origin: string, name: string): string {
    const seconds = name.endsWith('.zip') ? ZIP_LIFETIME_S : LINK_LIFETIME_S;
    return `${origin}/storage/${encodeURIComponent(name)}?X-Goog-Expires=${seconds}&X-Goog-Signature=${this.#signature(name)}`;
  }

  isSigned(name: string, signature: string | undefined): boolean {
    return signature === this.#signature(name);
  }

  #signature(name: string): string {
    return createHmac('sha256', this.#signingKey).update(name).digest('hex');
  }
}

/** A tone in mono, 8 kHz, 16 bit; its pitch depends on the seed, so that no two legs are alike. */
function makeWav(seed: string, sizeBytes: number): Buffer {
  const wav = Buffer.alloc(sizeBytes);
  if (sizeBytes < EMPTY_WAV_BYTES) {
    return wav;
  }
  wav.write('RIFF', 0);
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(8_000, 24);
  wav.writeUInt32LE(16_000, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(wav.length - 44, 40);
  const pitch = 200 + (crc32(seed) % 600);
  for (let at = 44, sample = 0; at + 1 < wav.length; at += 2, sample += 1) {
    wav.writeInt16LE(Math.round(Math.sin((2 * Math.PI * pitch * sample) / 8_000) * 8_000), at);
  }
  return wav;
}

/** A ZIP with deflated entries; without entries it is an empty ZIP, as VoIPBIN packs one too early. */
export function writeZip(files: readonly StandInWav[]): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, content } of files) {
    const deflated = deflateRawSync(content);
    // What both headers of an entry have in common: version, flags, method, time, date, checksum, sizes, length of the
    // name, no extra field.
    const shape = Buffer.alloc(26);
    shape.writeUInt16LE(20, 0);
    shape.writeUInt16LE(8, 4);
    shape.writeUInt16LE(0x21, 8);
    shape.writeUInt32LE(crc32(content), 10);
    shape.writeUInt32LE(deflated.length, 14);
    shape.writeUInt32LE(content.length, 18);
    shape.writeUInt16LE(Buffer.byteLength(name), 22);
    const entry = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), shape, Buffer.from(name), deflated]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), shape, place, Buffer.from(name)]));
    local.push(entry);
    offset += entry.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...local, directory, Buffer.from('PK\x05\x06', 'latin1'), end]);
}
