import { readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { RESOURCES, type Resource } from './resource-event';

/** The file's name in the data folder. */
const PROGRESS_FILE = 'backfill.json';

const moment = z.iso.datetime().transform((text) => new Date(text));

const sweep = z.object({
  /** When it was begun, by our clock. */
  began_at: moment,
  /** How far back it goes (creation). */
  until: moment,
  /** VoIPBIN's token for the page that comes next. */
  token: z.string().min(1).max(4_096),
  /** Creation of the newest resource that it saw. */
  newest: moment.nullable(),
  /** Creation of the oldest resource that it saw still open. */
  oldest_open: moment.nullable(),
});

const resourceProgress = z.object({
  /** Nothing created before this is ever looked for: the bridge was not there to be told. */
  floor: moment,
  /** What was created before this has been looked at, and had ended; by VoIPBIN's own times. */
  mark: moment,
  /** A look that was not finished: it goes on from here. Null when there is none. */
  sweep: sweep.nullable(),
});

const progress = z.object({
  version: z.literal(1),
  /** The VoIPBIN customer that all this is about; null until it was asked. */
  customer: z.string().nullable(),
  /** When the bridge was last known to be running. */
  alive_at: moment,
  /** When VoIPBIN's lists were last looked through to the end; null before the first time. */
  looked_at: moment.nullable(),
  resources: z.object({ messages: resourceProgress, calls: resourceProgress, recordings: resourceProgress }),
});

/** A look back that is under way. */
export type Sweep = z.output<typeof sweep>;

/** How far one list has been looked at. */
export type ResourceProgress = z.output<typeof resourceProgress>;

/** How far backfill has come. Changed in place, and kept by {@link ProgressFile.write}. */
export type Progress = z.output<typeof progress>;

/** Progress that begins now (or at `from`): what was before is not looked for. */
export function progressFrom(from: Date, now: Date, customer: string | null = null): Progress {
  const begin = (): ResourceProgress => ({ floor: from, mark: from, sweep: null });
  const resources: Record<Resource, ResourceProgress> = { messages: begin(), calls: begin(), recordings: begin() };
  return { version: 1, customer, alive_at: now, looked_at: null, resources };
}

/**
 * What was found in the data folder: progress, nothing (`none`: backfill has never run here), or a file that cannot be
 * read.
 */
export type FoundProgress = { found: 'progress'; progress: Progress } | { found: 'none' } | { found: 'unreadable' };

/**
 * `backfill.json` in the data folder. A write replaces the file as a whole, so that after a kill -9 or a power loss it
 * holds what one write put there; an older one at worst, which only makes the bridge look further back than needed.
 */
export class ProgressFile {
  readonly #path: string;
  #last: Promise<void> = Promise.resolve();

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
      const read = progress.safeParse(JSON.parse(text));
      return read.success ? { found: 'progress', progress: read.data } : { found: 'unreadable' };
    } catch {
      return { found: 'unreadable' };
    }
  }

  /**
   * Keeps the progress as it is at this moment. Writes follow each other in the order of the calls. @throws (as a
   * rejection) the file system's error.
   */
  write(current: Progress): Promise<void> {
    const text = `${JSON.stringify(current, null, 2)}\n`;
    const turn = this.#last.then(() => this.#replace(text));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #replace(text: string): Promise<void> {
    const file = await open(`${this.#path}.new`, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(`${this.#path}.new`, this.#path);
  }
}

/**
 * How far back each list is looked at next: below the mark by the overlap, never below the floor, nor further than the
 * longest gap. Epoch milliseconds.
 */
export function lookBackTo(of: ResourceProgress, overlapMs: number, longestGapMs: number, now: Date): number {
  return Math.max(of.floor.getTime(), of.mark.getTime() - overlapMs, now.getTime() - longestGapMs);
}

/**
 * Whether two looks would leave a hole between them: VoIPBIN was last looked through longer ago than is looked back.
 */
export function isGapTooLong(of: Progress, longestGapMs: number, now: Date): boolean {
  const last =
    of.looked_at ??
    RESOURCES.map((name) => of.resources[name].floor).reduce((one, other) => (one < other ? one : other));
  return now.getTime() - last.getTime() > longestGapMs;
}
