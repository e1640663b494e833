import type { CanonicalEvent } from '../../events/canonical-event';
import type { JsonObject } from '../../events/json';
import { referenceAt } from '../../events/payload';
import { ActionError } from '../action-error';
import type { VoipbinClient } from '../voipbin/client';
import { downloadRecording, findRecordingFiles, type RecordingFile } from '../voipbin/recordings';

/** The part of a mail about recordings: attachments and text. */
export interface RecordingPart {
  /**
   * `attached`: all are; `linked`: at least one is only linked; `missing`: at least one could be neither; `none`: the
   * event has none.
   */
  state: 'attached' | 'linked' | 'missing' | 'none';
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

/**
 * The recordings that an event is about: its own id for `recording_*`, those it names for calls and whatever refers to
 * a recording.
 */
export function recordingIdsOf(event: CanonicalEvent): string[] {
  const { data } = event;
  const refersToOne = data['reference_type'] === 'recording';
  const named = event.type.startsWith('recording_')
    ? [event.id]
    : [
        ...referencesAt(data, 'recording_ids'),
        referenceAt(data, 'recording_id'),
        refersToOne ? referenceAt(data, 'reference_id') : null,
      ];
  return [...new Set(named.filter((id) => id !== null))].slice(0, MOST_RECORDINGS);
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

const ORDER = ['attached', 'linked', 'missing', 'none'] as const;

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
  try {
    const found = await findRecordingFiles(client, id, signal);
    if (found.state === 'unknown') {
      return missing(`VoIPBIN does not have recording ${id}, or deleted it.`);
    }
    if (found.state === 'not_stored') {
      return notStored(id, wish, waitedMs);
    }
    files = found.files;
    if (wish.how === 'link') {
      return linked(id, files, null);
    }
    const fetched = await downloadRecording(client, id, files, bytesLeft, signal);
    switch (fetched.state) {
      case 'not_stored':
        return notStored(id, wish, waitedMs);
      case 'too_large':
        return linked(id, files, `Recording ${id} is too large to be attached (limit ${mebibytes(wish.limitBytes)}).`);
      case 'downloaded':
        return {
          state: 'attached',
          attachments: fetched.files,
          lines: [
            { text: `Recording ${id} is attached: ${fetched.files.map(({ name }) => name).join(', ')}.`, link: null },
          ],
        };
    }
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
    return linked(id, files, `Recording ${id} could not be fetched from VoIPBIN (${error.detail.code}).`);
  }
}

function notStored(id: string, wish: RecordingWish, waitedMs: number): RecordingPart {
  waitWhileWorthIt('the recording is not stored at VoIPBIN yet', wish.waitMs, waitedMs);
  return missing(`VoIPBIN has not stored recording ${id} within ${minutes(wish.waitMs)}; look for it there later.`);
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
