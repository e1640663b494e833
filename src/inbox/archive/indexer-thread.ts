/**
 * The thread that brings what the journal keeps into `inbox.db`, and that prunes it: no answer waits for any of that.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { InboxUnavailable } from '../inbox-unavailable';
import { InboxStore } from './store';
import type { FromIndexer, IndexerStart, ToIndexer } from './indexer-messages';
import { isBefore, type JournalPosition } from '../journal/frame';

/** How often old events are looked for. */
const PRUNE_EVERY_MS = 30_000;
/** The pause between two slices of pruning: new events go first. */
const SLICE_PAUSE_MS = 25;
/** How often a store in trouble is tried again. */
const TRY_EVERY_MS = 1_000;

function tell(message: FromIndexer): void {
  parentPort?.postMessage(message);
}

function open({ dataDir, retention, isJournalWritten }: IndexerStart): InboxStore | null {
  try {
    const store = new InboxStore(
      dataDir,
      retention,
      {
        onLog: (level, fields, message) => tell({ type: 'log', level, fields, message }),
        onProblem: (problem) => tell({ type: 'problem', problem }),
        onRefused: (code) => tell({ type: 'refused', code }),
      },
      isJournalWritten,
    );
    tell({ type: 'opened', position: store.position, known: isJournalWritten ? null : store.knownIds() });
    return store;
  } catch (error) {
    const { code, message } =
      error instanceof InboxUnavailable
        ? error
        : { code: 'newer', message: error instanceof Error ? error.message : 'unknown' };
    tell({ type: 'failed', code, message });
    return null;
  }
}

class IndexerThread {
  #through: JournalPosition;
  #retry: NodeJS.Timeout | undefined;
  #pruning: NodeJS.Timeout | undefined;

  constructor(private readonly store: InboxStore) {
    this.#through = store.position;
    this.#schedulePruning(PRUNE_EVERY_MS);
  }

  hear(message: ToIndexer): void {
    if (message.type === 'index') {
      this.#through = message.through;
      this.#index();
    } else {
      clearTimeout(this.#retry);
      clearTimeout(this.#pruning);
      this.store.close();
      tell({ type: 'closed' });
      parentPort?.close();
    }
  }

  #index(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    do {
      const toDo = this.store.index(this.#through);
      if (toDo === null) {
        this.#retry = setTimeout(() => this.#index(), TRY_EVERY_MS);
        return;
      }
      tell({ type: 'indexed', through: this.store.position, toDo, released: this.store.released });
    } while (isBefore(this.store.position, this.#through));
  }

  #schedulePruning(afterMs: number): void {
    this.#pruning = setTimeout(() => {
      let more = false;
      try {
        more = this.store.prune(new Date());
      } catch (error) {
        tell({
          type: 'log',
          level: 'warn',
          fields: { code: InboxUnavailable.of(error).code },
          message: 'old events could not be dropped; it is tried again later',
        });
      }
      this.#schedulePruning(more ? SLICE_PAUSE_MS : PRUNE_EVERY_MS);
    }, afterMs);
  }
}

const start: IndexerStart = workerData;
const store = open(start);
if (store !== null) {
  const thread = new IndexerThread(store);
  parentPort?.on('message', (message: ToIndexer) => thread.hear(message));
}
