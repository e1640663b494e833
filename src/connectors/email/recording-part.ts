import type { CanonicalEvent } from '../../events/canonical-event';
import { isFitId } from '../../events/event-id';
import type { JsonObject } from '../../events/json';
import { referenceAt } from '../../events/payload';
import { ActionError } from '../action-error';
import type { VoipbinClient } from '../voipbin/client';
import {
  downloadRecording,
  findRecordingFiles,
  type DownloadedRecording,
  type MissingLeg,
  type RecordingFile,
} from '../voipbin/recordings';

/** The part of a mail about recordings: attachments and text. */
export interface RecordingPart {
  /**
   * `attached`: all are; `linked`: at least one is only linked; `partial`: one side of one is missing; `missing`: at least
   * one could be neither; `none`: the event has none. Lines say what is missing.
   */
  state: 'attached' | 'linked' | 'partial' | 'missing' | 'none';
  attachments: { name: string; content: Buffer }[];
  lines: RecordingLine[];
}

/** One line of the mail. */
export interface RecordingLine {
  text: string;
  link: string | null;
}

/** How recordings are to be put into the mail. */
export interface RecordingWish {
  how: 'attach' | 'link';
  /** How long to wait for storage in all; counted from when the step began. */
  waitMs: number;
  /** For all recordings together. */
  limitBytes: number;
}

const MOST_RECORDINGS = 10;
const SHORTEST_WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 60_000;

/** Types of events that are about a recording, or about something that may be recorded. */
export const MAY_HAVE_RECORDING =
  /^(?:recording|call|conference|conferencecall|confbridge|activeflow|aicall|transcribe|transcribe_speech|transcript|summary)_/;

/**
 * The recordings that an event is about: its own id for `recording_*`, those it names for calls and whatever refers to
 * a recording.
 */
export function recordingIdsOf(event: CanonicalEvent): string[] {
  const { data } = event;
  const refersToOne = data['reference_type'] === 'recording';
  const named: (string | null)[] = event.type.startsWith('recording_')
    ? [event.id]
    : [
        ...referencesAt(data, 'recording_ids'),
        referenceAt(data, 'recording_id'),
        refersToOne ? referenceAt(data, 'reference_id') : null,
      ];
  // Ids are in file names and in lines of the mail.
  return [...new Set(named.filter(isFitId))].slice(0, MOST_RECORDINGS);
}

function referencesAt(data: JsonObject, key: string): (string | null)[] {
  const value = data[key];
  return Array.isArray(value) ? value.map((id) => referenceAt({ id }, 'id')) : [];
}

/**
 * Collects the recordings of an event, as far as VoIPBIN has stored them.
 * @param waitedMs since the step began.
 * @throws ActionError `transient`, code `recording_not_stored`, while it is worth waiting: the delay grows from 5 s to
 *   60 s and ends with the wait. Other failures of VoIPBIN are waited for too, and reported in the mail in the
 *   end, never thrown: the mail matters more, and VoIPBIN's trouble must not park the mail server.
 */
export async function collectRecordings(
  client: VoipbinClient,
  ids: readonly string[],
  wish: RecordingWish,
  waitedMs: number,
  signal: AbortSignal,
): Promise<RecordingPart> {
  if (ids.length === 0) {
    return { state: 'none', attachments: [], lines: [{ text: 'There is no recording.', link: null }] };
  }
  const part: RecordingPart = { state: 'attached', attachments: [], lines: [] };
  let left = wish.limitBytes;
  for (const id of ids) {
    const one = await collectOne(client, id, wish, left, waitedMs, signal);
    left -= one.attachments.reduce((sum, { content }) => sum + content.length, 0);
    part.attachments.push(...one.attachments);
    part.lines.push(...one.lines);
    part.state = worse(part.state, one.state);
  }
  return part;
}

const ORDER = ['attached', 'linked', 'partial', 'missing', 'none'] as const;

function worse(a: RecordingPart['state'], b: RecordingPart['state']): RecordingPart['state'] {
  return ORDER.indexOf(a) >= ORDER.indexOf(b) ? a : b;
}

async function collectOne(
  client: VoipbinClient,
  id: string,
  wish: RecordingWish,
  bytesLeft: number,
  waitedMs: number,
  signal: AbortSignal,
): Promise<RecordingPart> {
  let files: RecordingFile[] = [];
  let gone: MissingLeg[] = [];
  try {
    const found = await findRecordingFiles(client, id, signal);
    if (found.state === 'unknown') {
      return missing(`VoIPBIN does not have recording ${id}, or deleted it.`);
    }
    ({ files, missing: gone } = found);
    waitForLegs(gone, wish, waitedMs);
    if (files.length === 0) {
      return withoutSound(id, gone, wish);
    }
    if (wish.how === 'link') {
      return withMissingLegs(linked(id, files, null), gone, wish);
    }
    const fetched = await downloadRecording(client, id, files, bytesLeft, signal);
    if (fetched.state === 'too_large') {
      const reason = `Recording ${id} is too large to be attached (limit ${mebibytes(wish.limitBytes)}).`;
      return withMissingLegs(linked(id, files, reason), gone, wish);
    }
    waitForLegs(fetched.missing, wish, waitedMs);
    gone = [...gone, ...fetched.missing];
    return fetched.files.length === 0
      ? withoutSound(id, gone, wish)
      : withMissingLegs(attached(id, fetched.files), gone, wish);
  } catch (error) {
    if (!(error instanceof ActionError) || error.detail.code === 'recording_not_stored') {
      throw error;
    }
    if (signal.aborted) {
      throw new ActionError('transient', 'the mail was cancelled before it was sent', {
        connection: 'email',
        code: 'cancelled',
      });
    }
    if (error.errorClass !== 'permanent') {
      waitWhileWorthIt(`the recording could not be fetched yet (${error.detail.code})`, wish.waitMs, waitedMs);
    }
    const reason = `Recording ${id} could not be fetched from VoIPBIN (${error.detail.code}).`;
    return withMissingLegs(linked(id, files, reason), gone, wish);
  }
}

/** VoIPBIN stores the legs one after the other, so all that are missing may still come. */
function waitForLegs(gone: readonly MissingLeg[], { waitMs }: RecordingWish, waitedMs: number): void {
  if (gone.length > 0) {
    waitWhileWorthIt('the recording is not stored at VoIPBIN yet', waitMs, waitedMs);
  }
}

function withoutSound(id: string, gone: readonly MissingLeg[], wish: RecordingWish): RecordingPart {
  return gone.every(({ why }) => why === 'empty')
    ? missing(`Recording ${id} is empty: VoIPBIN stored no sound of it.`)
    : missing(`VoIPBIN has not stored recording ${id} within ${minutes(wish.waitMs)}; look for it there later.`);
}

/** Adds what the reader of the mail does not get. */
function withMissingLegs(part: RecordingPart, gone: readonly MissingLeg[], wish: RecordingWish): RecordingPart {
  if (gone.length === 0) {
    return part;
  }
  const lines = gone.map(({ name, why }) => ({
    text:
      why === 'empty'
        ? `${sideOf(name)} (${name}) is missing: VoIPBIN stored no sound of it.`
        : `${sideOf(name)} (${name}) is missing: VoIPBIN has not stored it within ${minutes(wish.waitMs)}.`,
    link: null,
  }));
  return { ...part, state: worse(part.state, 'partial'), lines: [...part.lines, ...lines] };
}

function sideOf(name: string): string {
  return name.endsWith('_in.wav') ? "The caller's side" : "The callee's side";
}

function waitWhileWorthIt(message: string, waitMs: number, waitedMs: number): void {
  const left = waitMs - waitedMs;
  if (left > 0) {
    const growing = Math.min(Math.max(waitedMs / 2, SHORTEST_WAIT_MS), LONGEST_WAIT_MS);
    throw new ActionError('transient', message, {
      connection: 'email',
      code: 'recording_not_stored',
      retryAfterMs: Math.ceil(Math.min(growing, left)),
    });
  }
}

function attached(id: string, files: Extract<DownloadedRecording, { state: 'downloaded' }>['files']): RecordingPart {
  const names = files.map(({ name }) => name).join(', ');
  return {
    state: 'attached',
    attachments: files,
    lines: [{ text: `Recording ${id} is attached: ${names}.`, link: null }],
  };
}

/** Instead of attachments: the files' own signed addresses, which work for every reader of the mail until they expire. */
function linked(id: string, files: readonly RecordingFile[], reason: string | null): RecordingPart {
  const links = files.filter((file) => file.link !== null);
  const lines: RecordingLine[] = links.map((file) => ({
    text: `${file.name}${file.linkExpiresAt === null ? ' (the link expires)' : ` (the link works until ${file.linkExpiresAt})`}:`,
    link: file.link,
  }));
  if (lines.length === 0) {
    return missing(reason ?? `VoIPBIN does not return a link for recording ${id}.`, 'Look for it at VoIPBIN.');
  }
  const head = reason ?? `Recording ${id}:`;
  return { state: 'linked', attachments: [], lines: [{ text: head, link: null }, ...lines] };
}

function missing(...texts: string[]): RecordingPart {
  return { state: 'missing', attachments: [], lines: texts.map((text) => ({ text, link: null })) };
}

function minutes(ms: number): string {
  return ms >= 60_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 1_000)} s`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / (1024 * 1024)).toFixed(1)} MiB`;
}
