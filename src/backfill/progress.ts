import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { RESOURCES, type Resource } from './resource-event';

/** The file's name in the data folder. */
const PROGRESS_FILE = 'backfill.json';

const moment = z.iso.datetime().transform((text) => new Date(text));

const cursor = z.object({
  /** When its pass began, by our clock. */
  began_at: moment,
  /** How far back it goes (creation). */
  until: moment,
  /** VoIPBIN's token for the next page. */
  token: z.string().min(1).max(4_096),
  /** Creation of the newest resource seen. */
  newest: moment.nullable(),
  /** Creation of the oldest resource seen that was still open. */
  oldest_open: moment.nullable(),
});

const listProgress = z.object({
  /** Nothing created before this is ever ingested: the bridge was not in use yet. */
  floor: moment,
  /** Everything created before this, by VoIPBIN's own times, has been read and had ended. */
  mark: moment,
  /** Where an unfinished pass continues; null when there is none. The key is part of the file's format. */
  sweep: cursor.nullable(),
});

const progressFile = z.object({
  version: z.literal(1),
  /** The VoIPBIN customer whose lists these are; null until known. */
  customer: z.string().nullable(),
  /** When the bridge was last known to be running. */
  alive_at: moment,
  /** When the lists were last read to the end; null before the first time. */
  looked_at: moment.nullable(),
  resources: z.object({ messages: listProgress, calls: listProgress, recordings: listProgress }),
});

/** The position of an unfinished pass in a list. */
export type Cursor = z.output<typeof cursor>;

/** How far one list has been read. */
export type ListProgress = z.output<typeof listProgress>;

/** How far backfill has read. Changed in place, and saved by {@link ProgressFile.write}. */
export type Progress = z.output<typeof progressFile>;

/** Progress that starts at `from`: nothing before it is ingested. */
export function progressFrom(from: Date, now: Date, customer: string | null = null): Progress {
  const begin = (): ListProgress => ({ floor: from, mark: from, sweep: null });
  const resources: Record<Resource, ListProgress> = { messages: begin(), calls: begin(), recordings: begin() };
  return { version: 1, customer, alive_at: now, looked_at: null, resources };
}

/** Result of {@link ProgressFile.read}. `none`: backfill has never run on this data folder. */
export type FoundProgress = { found: 'progress'; progress: Progress } | { found: 'none' } | { found: 'unreadable' };

/**
 * `backfill.json` in the data folder.
 *
 * Guarantees: a write replaces the whole file, so after a kill -9 or a power loss it holds one write, whole. Not
 * guaranteed: that it is the latest one; an older one makes the next pass go back further than needed.
 */
export class ProgressFile {
  readonly #path: string;

  constructor(dataDir: string) {
    this.#path = join(dataDir, PROGRESS_FILE);
  }

  read(): FoundProgress {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT'
        ? { found: 'none' }
        : { found: 'unreadable' };
    }
    try {
      const read = progressFile.safeParse(JSON.parse(text));
      return read.success ? { found: 'progress', progress: read.data } : { found: 'unreadable' };
    } catch {
      return { found: 'unreadable' };
    }
  }

  /**
   * Saves the progress as it is now. Writes happen in the order of the calls.
   * @throws (as a rejection) the file system's error.
   */
  write(current: Progress): Promise<void> {
    const text = `${JSON.stringify(current, null, 2)}\n`;
    return writeFileAtomic(this.#path, text, { mode: 0o600 });
  }
}

/**
 * How far back a pass reads a list: below the mark by the overlap, but never below the floor, nor further than the
 * longest gap. Epoch milliseconds.
 */
export function lookBackTo(list: ListProgress, overlapMs: number, longestGapMs: number, now: Date): number {
  return Math.max(list.floor.getTime(), list.mark.getTime() - overlapMs, now.getTime() - longestGapMs);
}

/** Whether the lists were last read to the end longer ago than a pass goes back, so that events between are skipped. */
export function isGapTooLong(progress: Progress, longestGapMs: number, now: Date): boolean {
  const last =
    progress.looked_at ??
    RESOURCES.map((name) => progress.resources[name].floor).reduce((one, other) => (one < other ? one : other));
  return now.getTime() - last.getTime() > longestGapMs;
}
