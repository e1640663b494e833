import { z } from 'zod';
import { ActionError, type ActionErrorCode } from '../action-error';
import { epochMs } from './api-time';
import type { Recording, VoipbinClient } from './client';
import { unzipRecording, type ZippedWav } from './recording-zip';

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
   * Signed, works for whoever has it until it expires; null when VoIPBIN gives none, or one that would give a
   * credential away.
   */
  link: string | null;
  /** RFC 3339; null when VoIPBIN does not report it. */
  linkExpiresAt: string | null;
}

/**
 * Whether a recording's files are stored. VoIPBIN sends `recording_finished` before it stores them and nothing
 * afterwards.
 * - `stored`: all of them.
 * - `not_stored`: none or not all yet; some failures to store are never repaired, so this may last.
 * - `unknown`: VoIPBIN does not have the recording, or deleted it.
 */
export type RecordingState =
  { state: 'stored'; files: RecordingFile[] } | { state: 'not_stored' } | { state: 'unknown' };

/** The files' bytes, or why not. */
export type DownloadedRecording =
  | { state: 'downloaded'; files: { name: string; content: Buffer }[] }
  | { state: 'too_large' }
  | { state: 'not_stored' };

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

/** A call is recorded as two legs, a conference as one mix. */
function expectedFiles(recording: Recording): number {
  return recording.reference_type === 'confbridge' ? 1 : 2;
}

/**
 * Looks whether a recording is really stored, by the list of stored files: two for a call, one for a conference, none
 * of them empty.
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
  const found = await listFilesOf(client, recording, signal);
  const stored = found.filter((file) => file.filesize === undefined || file.filesize === null || file.filesize > 0);
  if (stored.length < expectedFiles(recording)) {
    return { state: 'not_stored' };
  }
  return { state: 'stored', files: onePerLeg(recordingId, stored).map(([name, file]) => describe(client, name, file)) };
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

/** Files may be registered twice; the newest of each leg counts. Legs that cannot be distinguished are numbered. */
function onePerLeg(recordingId: string, newestFirst: readonly StoredFile[]): [string, StoredFile][] {
  const byName = new Map<string, StoredFile>();
  for (const file of newestFirst) {
    const leg =
      legOf(`${file.filename ?? ''} ${file.name ?? ''} ${file.uri_download ?? ''}`) ?? String(byName.size + 1);
    const name = `${recordingId}_${leg}.wav`;
    if (!byName.has(name)) {
      byName.set(name, file);
    }
  }
  return [...byName].sort(([a], [b]) => a.localeCompare(b));
}

function legOf(name: string): 'in' | 'out' | null {
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
    link: url === null || client.holdsCredential(url) ? null : url.href,
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
      return downloadZip(client, recordingId, files.length, limitBytes, signal);
    }
    if (fetched.state === 'too_large') {
      return fetched;
    }
    if (fetched.content.length === 0) {
      return { state: 'not_stored' };
    }
    left -= fetched.content.length;
    contents.push({ name: file.name, content: fetched.content });
  }
  return { state: 'downloaded', files: contents };
}

/**
 * An empty ZIP, or one with fewer legs than expected, is one that was packed before the files were stored (reference
 * voipbin.md 5).
 */
async function downloadZip(
  client: VoipbinClient,
  recordingId: string,
  expected: number,
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
  const legs = unzipped.files.filter((file) => file.content.length > 0);
  return legs.length < expected
    ? { state: 'not_stored' }
    : { state: 'downloaded', files: legs.map((file, index) => named(recordingId, file, index)) };
}

function named(recordingId: string, file: ZippedWav, index: number): { name: string; content: Buffer } {
  return { name: `${recordingId}_${legOf(file.name) ?? String(index + 1)}.wav`, content: file.content };
}

function storageTrouble(code: ActionErrorCode, message: string): ActionError {
  return new ActionError('transient', message, { connection: 'voipbin', code });
}
