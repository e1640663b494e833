/** The thread that writes the inbox: all that waits for the disk is here, so that requests go on being read and answered meanwhile. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { InboxUnavailable } from './inbox-unavailable';
import { InboxStore } from './inbox-store';
import type { FromWriter, ToWriter, WriterStart } from './writer-messages';

type BatchMessage = Extract<ToWriter, { type: 'batch' }>;

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

/** How much may share one transaction. */
const MAX_WRITES = 512;
const MAX_BYTES = 16 * 1_048_576;

/** All batches that have arrived meanwhile, up to the bounds, share one transaction, hence one sync. */
function commit(store: InboxStore, first: BatchMessage): ToWriter | null {
  const began = performance.now();
  const batches = [first];
  let writes = first.batch.writes.length;
  let bytes = first.batch.bodies.byteLength;
  let next: ToWriter | null = null;
  while (writes < MAX_WRITES && bytes < MAX_BYTES) {
    next = nextMessage();
    if (next?.type !== 'batch') {
      break;
    }
    batches.push(next);
    writes += next.batch.writes.length;
    bytes += next.batch.bodies.byteLength;
    next = null;
  }
  const results = store.commit(batches.map(({ batch }) => batch));
  const tookMs = results.some((batch) => batch.some(({ ok }) => ok)) ? performance.now() - began : null;
  tell({ type: 'results', batches: batches.map(({ number }, index) => ({ number, results: results[index] ?? [] })), tookMs });
  return next;
}

function nextMessage(): ToWriter | null {
  const received: { message: ToWriter } | undefined = parentPort === null ? undefined : receiveMessageOnPort(parentPort);
  return received?.message ?? null;
}

function serve(store: InboxStore, message: ToWriter): void {
  for (let current: ToWriter | null = message; current !== null; ) {
    if (current.type === 'close') {
      store.close();
      tell({ type: 'closed' });
      parentPort?.close();
      return;
    }
    current = commit(store, current);
  }
}

const start: WriterStart = workerData;
const store = open(start);
if (store !== null) {
  parentPort?.on('message', (message: ToWriter) => serve(store, message));
}
