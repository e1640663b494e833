import { createHmac, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import {
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type Client,
} from '@temporalio/client';
import { LRUCache } from 'lru-cache';
import { ActionError } from '../connectors/action-error';
import type { NumberPair, OptOuts } from '../connectors/action-context';
import { CHANGE_OPT_OUT, FIND_OPT_OUT, KEEP_OPT_OUTS, optOutsWorkflowId, TASK_QUEUE } from './names';
import type { KeepOptOutsInput, OptOutChange, OptOutState } from './run-contract';

/**
 * A fixed salt, and slow (10 ms) on purpose. The webhook secret, which keys the other hashes, may be renewed, and nobody
 * who opted out may be texted because of that; without a key, only the work protects the numbers behind the hashes.
 */
const SALT = 'voipbin-bridge opt-outs';
const SCRYPT = { N: 4_096, r: 8, p: 1 };
const HASH_BYTES = 32;

const derive = promisify<string, string, number, typeof SCRYPT, Buffer>(scrypt);

/**
 * Opt-outs held by Temporal: 16 workflows `keepOptOuts`, each started by the first opt-out that belongs to it. They hold
 * across workers, receivers and restarts, as long as Temporal keeps its data, and contain hashes only.
 */
export class TemporalOptOuts implements OptOuts {
  readonly #hashes = new LRUCache<string, Buffer>({ max: 10_000 });

  constructor(private readonly client: Client) {}

  async since(pair: NumberPair): Promise<Date | null> {
    const { workflowId, ids } = await this.#place(pair);
    return dateOf(await this.#find(workflowId, ids));
  }

  async record(pair: NumberPair, state: OptOutState, at: Date): Promise<Date | null> {
    const { workflowId, ids } = await this.#place(pair);
    // "Yes" is a common answer: it is recorded only where somebody is out.
    if (state === 'in' && (await this.#find(workflowId, ids)) === null) {
      return null;
    }
    const input: KeepOptOutsInput = { entries: [] };
    const change: OptOutChange = { ids: state === 'in' ? ids : ids.slice(0, 1), state, at: at.getTime() };
    const start = new WithStartWorkflowOperation(KEEP_OPT_OUTS, {
      workflowId,
      taskQueue: TASK_QUEUE,
      args: [input],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: 'opt-outs',
    });
    try {
      return dateOf(
        await this.client.workflow.executeUpdateWithStart<
          (input: KeepOptOutsInput) => Promise<void>,
          number | null,
          [OptOutChange]
        >(CHANGE_OPT_OUT, { args: [change], startWorkflowOperation: start }),
      );
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError) {
        throw new ActionError('permanent', 'the opt-out could not be recorded: there are too many', {
          connection: 'temporal',
          code: 'opt_outs_full',
        });
      }
      throw error;
    }
  }

  async #find(workflowId: string, ids: string[]): Promise<number | null> {
    try {
      return await this.client.workflow.getHandle(workflowId).query<number | null, [string[]]>(FIND_OPT_OUT, ids);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) {
        return null;
      }
      throw error;
    }
  }

  /** Where a pair is kept: its own id first, then that of all our numbers. */
  async #place({ ours, peer }: NumberPair): Promise<{ workflowId: string; ids: string[] }> {
    const hash = this.#hashes.get(peer) ?? (await derive(peer, SALT, HASH_BYTES, SCRYPT));
    this.#hashes.set(peer, hash);
    const idFor = (number: string): string => createHmac('sha256', hash).update(number).digest('hex').slice(0, 16);
    return {
      workflowId: optOutsWorkflowId(hash.toString('hex').slice(0, 1)),
      ids: ours === null ? [idFor('')] : [idFor(ours), idFor('')],
    };
  }
}

function dateOf(at: number | null): Date | null {
  return at === null ? null : new Date(at);
}
