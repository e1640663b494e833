/**
 * The thread that writes `inbox.db`, and deletes old events from it. In a thread of its own because a commit waits for
 * the disk: the receiver keeps answering when the disk does not.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { InboxLog } from '../inbox-log';
import { InboxUnavailable } from '../inbox-unavailable';
import { Archive } from './archive';
import { unpackRecords } from './record';
import type { FromWriter, ToWriter, WriterStart } from './writer-messages';

/** How often old events are looked for. */
const PRUNE_EVERY_MS = 30_000;
/** The pause between two slices of pruning: new events go first. */
const SLICE_PAUSE_MS = 25;

function post(message: FromWriter): void {
  parentPort?.postMessage(message);
}

const log: InboxLog = {
  info: (fields, message) => post({ type: 'log', level: 'info', fields, message }),
  warn: (fields, message) => post({ type: 'log', level: 'warn', fields, message }),
  error: (fields, message) => post({ type: 'log', level: 'error', fields, message }),
};

function openArchive({ dataDir, retention }: WriterStart): Archive | null {
  try {
    const archive = new Archive(dataDir, retention, log);
    post({ type: 'opened' });
    return archive;
  } catch (error) {
    const { code, message } =
      error instanceof InboxUnavailable
        ? error
        : { code: 'newer', message: error instanceof Error ? error.message : 'unknown' };
    post({ type: 'failed', code, message });
    return null;
  }
}

class WriterThread {
  #pruning: NodeJS.Timeout | undefined;

  constructor(private readonly archive: Archive) {
    this.#schedulePruning(PRUNE_EVERY_MS);
  }

  onMessage(message: ToWriter): void {
    if (message.type === 'commit') {
      post(this.#commit(message));
    } else {
      clearTimeout(this.#pruning);
      this.archive.close();
      post({ type: 'closed' });
      parentPort?.close();
    }
  }

  #commit({ records }: Extract<ToWriter, { type: 'commit' }>): FromWriter {
    try {
      return { type: 'committed', outcomes: this.archive.commit(unpackRecords(records)) };
    } catch (error) {
      const { code, message } = InboxUnavailable.of(error);
      return { type: 'refused', code, message };
    }
  }

  #schedulePruning(afterMs: number): void {
    this.#pruning = setTimeout(() => {
      let more = false;
      try {
        more = this.archive.prune(new Date());
      } catch (error) {
        log.warn(
          { code: InboxUnavailable.of(error).code },
          'old events could not be deleted; the next attempt is in 30 seconds',
        );
      }
      this.#schedulePruning(more ? SLICE_PAUSE_MS : PRUNE_EVERY_MS);
    }, afterMs);
  }
}

const start: WriterStart = workerData;
const archive = openArchive(start);
if (archive !== null) {
  const thread = new WriterThread(archive);
  parentPort?.on('message', (message: ToWriter) => thread.onMessage(message));
}
