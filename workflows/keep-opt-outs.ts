import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  continueAsNew,
  defineQuery,
  defineUpdate,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { CHANGE_OPT_OUT, FIND_OPT_OUT } from '../src/runs/names';
import type { KeepOptOutsInput, OptOutChange, OptOutEntry } from '../src/runs/run-contract';

const CHANGE: typeof CHANGE_OPT_OUT = 'changeOptOut';
const FIND: typeof FIND_OPT_OUT = 'findOptOut';

/** An entry takes about 40 bytes in the input of the next run, and Temporal warns from 512 KiB. */
const MAX_ENTRIES = 10_000;
/** How long it is remembered that somebody asked for texts again. An earlier opt-out may arrive later than that. */
const KEEP_OPT_INS_MS = 30 * 24 * 3_600_000;

/** Records what a person asked for. Returns since when it gets no texts, in epoch milliseconds; null when it may. */
export const changeOptOut = defineUpdate<number | null, [OptOutChange]>(CHANGE);
/** Since when the person behind one of these hashes gets no texts, in epoch milliseconds; null when it may. */
export const findOptOut = defineQuery<number | null, [string[]]>(FIND);

/**
 * Remembers who asked for no more texts, by hashes of the numbers. It runs for good, because Temporal is the only storage
 * that all workers share; it continues as new before its history grows long. Each of these workflows remembers the people
 * whose hash begins with its digit.
 */
export async function keepOptOuts(input: KeepOptOutsInput): Promise<void> {
  const entries = new Map(input.entries.map((entry) => [entry[0], entry]));
  const since = (ids: readonly string[]): number | null => {
    const times = ids.flatMap((id) => {
      const [, at, state] = entries.get(id) ?? [id, 0, 'in'];
      return state === 'out' ? [at] : [];
    });
    return times.length === 0 ? null : Math.min(...times);
  };
  setHandler(findOptOut, (ids) => since(ids));
  setHandler(changeOptOut, (change) => {
    for (const id of change.ids) {
      const current = entries.get(id);
      if (current === undefined && entries.size >= MAX_ENTRIES) {
        forgetOldOptIns(entries);
      }
      if (current === undefined && entries.size >= MAX_ENTRIES) {
        throw ApplicationFailure.nonRetryable(`this part of the opt-outs has ${MAX_ENTRIES} already`, 'OptOutsFull');
      }
      entries.set(id, entryAfter(id, change, current));
    }
    return since(change.ids);
  });
  await condition(() => workflowInfo().continueAsNewSuggested && allHandlersFinished());
  forgetOldOptIns(entries);
  await continueAsNew<typeof keepOptOuts>({ entries: [...entries.values()] });
}

/**
 * The later wish counts; of two at the same time, the one for no texts. Who is out already stays out since then, and a
 * wish for texts that arrives late is measured against the last wish for none.
 */
function entryAfter(id: string, { state, at }: OptOutChange, current: OptOutEntry | undefined): OptOutEntry {
  if (current === undefined) {
    return [id, at, state];
  }
  const [, since, currentState, last = since] = current;
  if (state === currentState) {
    return at > last ? [id, since, state, at] : current;
  }
  return at > last || (at === last && state === 'out') ? [id, at, state] : current;
}

function forgetOldOptIns(entries: Map<string, OptOutEntry>): void {
  for (const [id, at, state, last = at] of entries.values()) {
    if (state === 'in' && last < Date.now() - KEEP_OPT_INS_MS) {
      entries.delete(id);
    }
  }
}
