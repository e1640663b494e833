import { createHmac } from 'node:crypto';
import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import { ActionError } from '../connectors/action-error';
import { STEP_ERRORS } from '../errors/step-errors';
import { ClaimQueue } from './claim-queue';
import { CHANGE_CLAIMS, claimsWorkflowId, KEEP_CLAIMS, TASK_QUEUE } from './names';
import type { ClaimAnswer, ClaimChange, KeepClaimsInput } from './run-contract';

/** A change waits for the update before its own at most, so it is answered within twice this: below an attempt's 10 s. */
const UPDATE_WITHIN_MS = 4_000;
/** Of a hash. Two keys of one part meet by chance once in 10^14. */
const ID_BYTES = 8;

/** A claim: `owner` wants to be one of `max` that a key admits in the `keepMs` after its first claim. */
export interface Claim {
  /** May hold personal data: only a keyed hash leaves the process. */
  key: string;
  owner: string;
  max: number;
  keepMs: number;
}

/**
 * Claims counted by Temporal: 16 workflows `keepClaims`, each started by the first claim that belongs to it. They hold
 * across workers, receivers and restarts, and contain keyed hashes only. A worker that is running must answer.
 *
 * Guarantees: a key admits at most `max` owners; an owner that claims again (after a lost answer, or in a retry) is
 * admitted and not counted again; each call ends within eight seconds. Claims of one process on one part that arrive
 * while another is under way go together in one update: Temporal permits ten at a time to a workflow, and each costs two
 * round trips.
 */
export class TemporalClaims {
  readonly #queues = new Map<string, ClaimQueue>();

  /** @param hashKey prevents a search for the phone numbers behind the hashes; the same on every worker. */
  constructor(
    private readonly client: Client,
    private readonly hashKey: string,
  ) {}

  /**
   * Claims a key.
   * @throws ActionError with code `claims_full`; what the client throws when Temporal does not answer.
   */
  async claim({ key, owner, max, keepMs }: Claim): Promise<'claimed' | 'held'> {
    const answer = await this.#change(key, (id) => ({
      do: 'claim',
      id,
      owner: this.#hash(owner).id,
      max,
      keep_ms: keepMs,
    }));
    if (answer === 'full') {
      throw new ActionError('transient', 'too many cooldowns and limits are in force to count one more', {
        connection: 'temporal',
        code: 'claims_full',
        remedy: STEP_ERRORS.claims_full.remedy,
      });
    }
    return answer === 'claimed' ? 'claimed' : 'held';
  }

  /** Takes the owner's claim back; no effect without one. @throws what the client throws. */
  async release(key: string, owner: string): Promise<void> {
    await this.#change(key, (id) => ({ do: 'release', id, owner: this.#hash(owner).id }));
  }

  #change(key: string, changeOf: (id: string) => ClaimChange): Promise<ClaimAnswer> {
    const { shard, id } = this.#hash(key);
    const queue = this.#queues.get(shard) ?? new ClaimQueue((changes) => this.#update(shard, changes));
    this.#queues.set(shard, queue);
    return queue.add(changeOf(id));
  }

  #update(shard: string, changes: ClaimChange[]): Promise<ClaimAnswer[]> {
    const input: KeepClaimsInput = { entries: [] };
    const start = new WithStartWorkflowOperation(KEEP_CLAIMS, {
      workflowId: claimsWorkflowId(shard),
      taskQueue: TASK_QUEUE,
      args: [input],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: 'cooldowns and limits',
    });
    return this.client.withDeadline(Date.now() + UPDATE_WITHIN_MS, () =>
      this.client.workflow.executeUpdateWithStart<
        (input: KeepClaimsInput) => Promise<void>,
        ClaimAnswer[],
        [ClaimChange[]]
      >(CHANGE_CLAIMS, { args: [changes], startWorkflowOperation: start }),
    );
  }

  #hash(text: string): { shard: string; id: string } {
    const hash = createHmac('sha256', this.hashKey).update(text).digest();
    return {
      shard: hash.toString('hex').slice(0, 1),
      id: hash.subarray(-ID_BYTES).toString('base64url'),
    };
  }
}
