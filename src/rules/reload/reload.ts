import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { PrintableText } from '../../text/printable';
import { inSlices } from '../../timing/work';
import { compileRules } from '../compile-rules';
import { RuleSet } from '../rule-set';
import type { FileStates } from './load-files';
import type { FromReloadThread, ReloadStart, ToReloadThread } from './messages';
import { PartReader, type RuleSetPart } from './parts';

/** The longest check. The largest files that are legal take some seconds. */
export const MAX_CHECK_MS = 120_000;
/** Of the thread's heap. A check of four million characters takes about half of it. */
export const MAX_HEAP_MB = 1_024;

/** The outcome of a reload. */
export type Reloaded =
  /** The files define the rule set in force. */
  | { kind: 'unchanged'; states: FileStates }
  | { kind: 'changed'; states: FileStates; ruleSet: RuleSet }
  /** `text`: the first findings for people. */
  | { kind: 'refused'; states: FileStates; errors: number; findings: number; text: PrintableText }
  /** The files could not be checked; `why` is a clause. */
  | { kind: 'failed'; why: string };

export interface ReloadOptions {
  /** Path of the main file. */
  file: string;
  /** The rule set in force. */
  hash: string;
  /** Ends the reload. */
  signal: AbortSignal;
  /** The compiled `reload-thread`; tests run it from source. */
  threadScript?: string;
  /** Smaller limits for tests. */
  limits?: { checkMs: number; heapMb: number };
}

/**
 * Loads the rule files again while the process answers requests: a thread reads and checks them, whatever they contain.
 * This thread compiles the valid rules in slices of some milliseconds.
 *
 * Time and memory of the check are bounded. Takes as long as the start of a thread (half a second) and the check.
 * @throws the reason of the signal.
 */
export async function reload({
  file,
  hash,
  signal,
  threadScript,
  limits = { checkMs: MAX_CHECK_MS, heapMb: MAX_HEAP_MB },
}: ReloadOptions): Promise<Reloaded> {
  const workerData: ReloadStart = { file, hash };
  const failure = new AbortController();
  const deadline = AbortSignal.timeout(limits.checkMs);
  let thread: Worker | null = null;
  try {
    thread = new Worker(threadScript ?? join(__dirname, 'reload-thread.js'), {
      workerData,
      name: 'rules check',
      resourceLimits: { maxOldGenerationSizeMb: limits.heapMb },
    });
    thread.unref();
    thread.on('error', (error) => failure.abort(error));
    thread.on('exit', () => failure.abort(new Error('the thread ended')));
    return await receive(thread, AbortSignal.any([signal, failure.signal, deadline]));
  } catch (error) {
    signal.throwIfAborted();
    const why = deadline.aborted
      ? `checking them takes more than ${limits.checkMs / 60_000} minutes`
      : whyFailed(failure.signal.reason ?? error, limits.heapMb);
    return { kind: 'failed', why };
  } finally {
    void thread?.terminate();
  }
}

async function receive(thread: Worker, ended: AbortSignal): Promise<Reloaded> {
  const first = await nextMessage(thread, ended);
  switch (first.type) {
    case 'unchanged':
      return { kind: 'unchanged', states: first.states };
    case 'refused': {
      const { states, errors, findings, text } = first;
      return { kind: 'refused', states, errors, findings, text };
    }
    case 'changed': {
      const reader = new PartReader();
      for (;;) {
        const part = await nextPart(thread, ended);
        if (part === null) {
          break;
        }
        await inSlices(reader.read(part), ended);
      }
      const { rules, alerts } = reader;
      const compiled = await inSlices(compileRules(rules), ended);
      return {
        kind: 'changed',
        states: first.states,
        ruleSet: new RuleSet(first.hash, rules, alerts, first.heartbeat, compiled),
      };
    }
    case 'part':
      throw new TypeError('the thread answered before it was asked');
  }
}

async function nextPart(thread: Worker, ended: AbortSignal): Promise<RuleSetPart | null> {
  const next: ToReloadThread = { type: 'next' };
  thread.postMessage(next);
  const message = await nextMessage(thread, ended);
  if (message.type !== 'part') {
    throw new TypeError('the thread answered with something else');
  }
  return message.part;
}

async function nextMessage(thread: Worker, ended: AbortSignal): Promise<FromReloadThread> {
  // The thread is a part of this program and sends nothing else.
  const [message] = (await once(thread, 'message', { signal: ended })) as [FromReloadThread];
  return message;
}

function whyFailed(error: unknown, heapMb: number): string {
  const { code, name }: { code?: unknown; name?: unknown } = typeof error === 'object' && error !== null ? error : {};
  return code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? `checking them takes more than ${heapMb} MB of memory`
    : `the thread that checks them failed (${typeof name === 'string' ? name : 'unknown'})`;
}
