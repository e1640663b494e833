/** The thread that writes the inbox: all that waits for the disk is here, so that requests go on being read and answered meanwhile. */
import { parentPort, workerData } from 'node:worker_threads';
import { InboxUnavailable } from './inbox-unavailable';
import { InboxStore } from './inbox-store';
import type { FromWriter, ToWriter, WriterStart } from './writer-messages';

function tell(message: FromWriter): void {
  parentPort?.postMessage(message);
}

function open({ dataDir, retention }: WriterStart): InboxStore | null {
  try {
    const store = new InboxStore(dataDir, retention, {
      onLog: (level, fields, message) => tell({ type: 'log', level, fields, message }),
      onProblem: (problem) => tell({ type: 'problem', problem }),
      onRefused: (code) => tell({ type: 'refused', code }),
    });
    tell({ type: 'opened' });
    return store;
  } catch (error) {
    const { code, message } = error instanceof InboxUnavailable ? error : { code: 'newer', message: error instanceof Error ? error.message : 'unknown' };
    tell({ type: 'failed', code, message });
    return null;
  }
}

function serve(store: InboxStore, message: ToWriter): void {
  switch (message.type) {
    case 'batch': {
      const began = performance.now();
      const results = store.commit(message.batch);
      tell({ type: 'results', results, tookMs: results.some((result) => result.ok) ? performance.now() - began : null });
      return;
    }
    case 'close':
      store.close();
      tell({ type: 'closed' });
      parentPort?.close();
  }
}

const start: WriterStart = workerData;
const store = open(start);
if (store !== null) {
  parentPort?.on('message', (message: ToWriter) => serve(store, message));
}
