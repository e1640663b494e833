import { z } from 'zod';
import { isWebUrl } from '../../net/url-host';
import { ActionError, type ActionErrorCode } from '../action-error';
import { epochMs } from './api-time';
import type { Recording, VoipbinClient } from './client';
import { unzipRecording, type ZippedWav } from './recording-zip';
import { hasSound, LARGEST_EMPTY_WAV_BYTES } from './wav';

const MOST_FILE_PAGES = 20;
const CLOCK_SKEW_MS = 5_000;
/** What a ZIP adds to the files in it, at most. */
const ZIP_OVERHEAD_BYTES = 64 * 1024;

/** One leg of a recording, as VoIPBIN stored it. */
export interface RecordingFile {
  /**
   * `<recording id>_in.wav`, `<recording id>_out.wav`: the caller's and the callee's side of a call, each mono
   * (reference voipbin.md 5).
   */
  name: string;
  /** Null when VoIPBIN does not report it. */
  sizeBytes: number | null;
  /**
   * Signed, works for whoever has it until it expires; null when VoIPBIN gives none, one that is not of the web, or one
   * that would give a credential away.
   */
  link: string | null;
  /** RFC 3339; null when VoIPBIN does not report it. */
  linkExpiresAt: string | null;
}

/** A leg that a recording should have and of which there is no sound. */
export interface MissingLeg {
  /** `<recording id>_out.wav` */
  name: string;
  /** `empty`: VoIPBIN stored a file without sound, such as a header alone. */
  why: 'not_stored' | 'empty';
}

/**
 * What VoIPBIN has of a recording. It sends `recording_finished` before it stores the files and nothing afterwards.
 * - `known`: the legs with sound that are stored, and those that are missing; some failures to store are never repaired,
 *   so this may last.
 * - `unknown`: VoIPBIN does not have the recording, or deleted it.
 */
export type RecordingState = { state: 'known'; files: RecordingFile[]; missing: MissingLeg[] } | { state: 'unknown' };

/** The bytes of the legs that have sound, and those that turned out to have none; or why not. */
export type DownloadedRecording =
  { state: 'downloaded'; files: { name: string; content: Buffer }[]; missing: MissingLeg[] } | { state: 'too_large' };

const storedFile = z.object({
  id: z.string(),
  reference_type: z.string().nullish(),
  reference_id: z.string().nullish(),
  name: z.string().nullish(),
  filename: z.string().nullish(),
  filesize: z.number().nullish(),
  uri_download: z.string().nullish(),
  tm_download_expire: z.string().nullish(),
  tm_create: z.string().nullish(),
});

type StoredFile = z.infer<typeof storedFile>;

type Leg = 'in' | 'out';

/** A call is recorded as two legs, a conference as one mix. */
function expectedLegs(recording: Recording): readonly Leg[] {
  return recording.reference_type === 'confbridge' ? ['in'] : ['in', 'out'];
}

/**
 * Looks what is really stored of a recording, by the list of stored files: two legs for a call, one for a conference. A
 * leg counts once, however often it is listed; a file of 0 bytes, or of a header alone, is no leg.
 * @throws ActionError
 */
export async function findRecordingFiles(
  client: VoipbinClient,
  recordingId: string,
  signal: AbortSignal,
): Promise<RecordingState> {
  const recording = await client.getRecording(recordingId, signal);
  if (recording === null) {
    return { state: 'unknown' };
  }
  const expected = expectedLegs(recording);
  const listed = await listFilesOf(client, recording, signal);
  const legs = byLeg(
    listed.filter((file) => !isEmpty(file)),
    expected,
  );
  const empty = byLeg(listed.filter(isEmpty), expected);
  return {
    state: 'known',
    files: [...legs].map(([leg, file]) => describe(client, nameOf(recordingId, leg), file)),
    missing: expected
      .filter((leg) => !legs.has(leg))
      .slice(0, Math.max(expected.length - legs.size, 0))
      .map((leg) => ({ name: nameOf(recordingId, leg), why: empty.has(leg) ? 'empty' : 'not_stored' })),
  };
}

function isEmpty({ filesize }: StoredFile): boolean {
  return typeof filesize === 'number' && filesize <= LARGEST_EMPTY_WAV_BYTES;
}

function nameOf(recordingId: string, leg: Leg): string {
  return `${recordingId}_${leg}.wav`;
}

/** Newest first; ends at what is older than the recording, which is created before its files. */
async function listFilesOf(client: VoipbinClient, recording: Recording, signal: AbortSignal): Promise<StoredFile[]> {
  const begun = epochMs(recording.tm_create);
  const oldest = Number.isFinite(begun) ? begun - CLOCK_SKEW_MS : Number.NEGATIVE_INFINITY;
  const files: StoredFile[] = [];
  let token: string | null = null;
  for (let pages = 0; pages < MOST_FILE_PAGES; pages += 1) {
    const page = await client.listStorageFiles({ pageToken: token }, signal);
    for (const item of page.items) {
      const parsed = storedFile.safeParse(item);
      if (!parsed.success) {
        continue;
      }
      if (epochMs(parsed.data.tm_create) < oldest) {
        return files;
      }
      if (parsed.data.reference_type === 'recording' && parsed.data.reference_id === recording.id) {
        files.push(parsed.data);
      }
    }
    token = page.nextToken;
    if (token === null) {
      break;
    }
  }
  return files;
}

/**
 * Files may be registered twice; the newest of each leg counts. One that does not say which leg it is takes the first
 * that is free.
 */
function byLeg(newestFirst: readonly StoredFile[], expected: readonly Leg[]): Map<Leg, StoredFile> {
  const legs = new Map<Leg, StoredFile>();
  const nameless: StoredFile[] = [];
  for (const file of newestFirst) {
    const leg = legOf(`${file.filename ?? ''} ${file.name ?? ''} ${file.uri_download ?? ''}`);
    if (leg === null) {
      nameless.push(file);
    } else if (!legs.has(leg)) {
      legs.set(leg, file);
    }
  }
  for (const file of nameless) {
    const free = expected.find((leg) => !legs.has(leg));
    if (free !== undefined) {
      legs.set(free, file);
    }
  }
  return new Map([...legs].sort(([a], [b]) => a.localeCompare(b)));
}

function legOf(name: string): Leg | null {
  const leg = /_(in|out)\.wav/i.exec(name)?.[1]?.toLowerCase();
  return leg === 'in' || leg === 'out' ? leg : null;
}

function describe(client: VoipbinClient, name: string, file: StoredFile): RecordingFile {
  const written = file.uri_download ?? '';
  const url = URL.canParse(written) ? new URL(written) : null;
  const expires = epochMs(file.tm_download_expire);
  return {
    name,
    sizeBytes: file.filesize ?? null,
    link: url === null || !isWebUrl(url.href) || client.holdsCredential(url) ? null : url.href,
    linkExpiresAt: Number.isFinite(expires) ? new Date(expires).toISOString() : null,
  };
}

/**
 * Fetches the files of a stored recording: each by its own signed address, or out of the recording's ZIP where there is
 * none or it does not work any more.
 *
 * @param limitBytes for all files together.
 * @throws ActionError
 */
export async function downloadRecording(
  client: VoipbinClient,
  recordingId: string,
  files: readonly RecordingFile[],
  limitBytes: number,
  signal: AbortSignal,
): Promise<DownloadedRecording> {
  const known = files.reduce((sum, file) => sum + (file.sizeBytes ?? 0), 0);
  if (known > limitBytes) {
    return { state: 'too_large' };
  }
  const contents: { name: string; content: Buffer }[] = [];
  let left = limitBytes;
  for (const file of files) {
    const fetched = file.link === null ? null : await client.downloads.download(new URL(file.link), left, signal);
    if (fetched === null || fetched.state === 'refused') {
      return downloadZip(client, recordingId, files, limitBytes, signal);
    }
    if (fetched.state === 'too_large') {
      return fetched;
    }
    left -= fetched.content.length;
    contents.push({ name: file.name, content: fetched.content });
  }
  return soundOf(contents);
}

/** Keeps the files with sound; only their bytes tell where VoIPBIN gave no size. */
function soundOf(
  contents: readonly { name: string; content: Buffer }[],
): Extract<DownloadedRecording, { state: 'downloaded' }> {
  return {
    state: 'downloaded',
    files: contents.filter(({ content }) => hasSound(content)),
    missing: contents.filter(({ content }) => !hasSound(content)).map(({ name }) => ({ name, why: 'empty' })),
  };
}

/**
 * A ZIP without a leg that is stored was packed before it was (reference voipbin.md 5).
 */
async function downloadZip(
  client: VoipbinClient,
  recordingId: string,
  wanted: readonly RecordingFile[],
  limitBytes: number,
  signal: AbortSignal,
): Promise<DownloadedRecording> {
  const address = await client.locateRecordingZip(recordingId, signal);
  if (client.holdsCredential(address)) {
    throw storageTrouble(
      'address_with_credential',
      'the address of the recording carries a credential, so it is not fetched',
    );
  }
  const fetched = await client.downloads.download(address, limitBytes + ZIP_OVERHEAD_BYTES, signal);
  if (fetched.state === 'refused') {
    throw storageTrouble(
      `storage_http_${fetched.status}`,
      `the storage refuses to give the recording (${fetched.status})`,
    );
  }
  if (fetched.state === 'too_large') {
    return fetched;
  }
  const unzipped = await unzipRecording(fetched.content, limitBytes);
  if (unzipped.state === 'broken') {
    throw storageTrouble('broken_zip', 'the ZIP of the recording cannot be read');
  }
  if (unzipped.state === 'too_large') {
    return unzipped;
  }
  const zipped = new Map(
    unzipped.files.map((file, index) => [zippedName(recordingId, file, wanted[index]), file.content]),
  );
  const found = wanted.flatMap(({ name }) => {
    const content = zipped.get(name);
    return content === undefined ? [] : [{ name, content }];
  });
  const sound = soundOf(found);
  const notPacked = wanted.filter(({ name }) => !zipped.has(name));
  return {
    ...sound,
    missing: [...sound.missing, ...notPacked.map(({ name }) => ({ name, why: 'not_stored' as const }))],
  };
}

function zippedName(recordingId: string, file: ZippedWav, place: RecordingFile | undefined): string {
  const leg = legOf(file.name);
  return leg === null ? (place?.name ?? file.name) : nameOf(recordingId, leg);
}

function storageTrouble(code: ActionErrorCode, message: string): ActionError {
  return new ActionError('transient', message, { connection: 'voipbin', code });
}
