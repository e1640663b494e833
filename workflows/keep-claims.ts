import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineUpdate,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { CHANGE_CLAIMS } from '../src/runs/names';
import type { ClaimAnswer, ClaimChange, KeepClaimsInput } from '../src/runs/run-contract';
import { ClaimBook } from './claim-book';

const CHANGE: typeof CHANGE_CLAIMS = 'changeClaims';

/**
 * A claim takes 46 bytes in the input of the next run: 20,000 are 0.9 MB, of 2 MB that Temporal accepts. A key's owners
 * take 14 bytes each; whoever claims again does so within the 15 minutes of its activity.
 */
const LIMITS = { owners: 20_000, ownersOfKey: 2_000 };
/**
 * An update adds up to five events. A run of this length replays in well below a second after a restart; the server
 * suggests the same from 4,096 events or 4 MiB on, and permits 2,000 updates. A smaller number would not replay open runs.
 */
const MAX_HISTORY_EVENTS = 2_000;

/** Makes and releases claims, in the order given. Returns an answer to each. */
export const changeClaims = defineUpdate<ClaimAnswer[], [ClaimChange[]]>(CHANGE);

/**
 * Counts the claims of cooldowns and limits. It runs for good, because Temporal is the only storage that all workers
 * share; it continues as new before its history grows long. Each of these workflows counts the keys whose hash begins
 * with its digit.
 */
export async function keepClaims(input: KeepClaimsInput): Promise<void> {
  const book = new ClaimBook(input.entries, LIMITS);
  setHandler(changeClaims, (changes) => {
    const answers = changes.map((change) => book.change(change, Date.now()));
    setCurrentDetails(`${book.size} of at most ${LIMITS.owners} claims, expired ones included`);
    return answers;
  });
  await condition(() => {
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    return (continueAsNewSuggested || historyLength >= MAX_HISTORY_EVENTS) && allHandlersFinished();
  });
  await continueAsNew<typeof keepClaims>({ entries: book.inForce(Date.now()) });
}
