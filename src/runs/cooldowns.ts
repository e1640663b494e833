import { createHmac } from 'node:crypto';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { Cooldowns } from '../connectors/connector';
import { HOLD_COOLDOWN, TASK_QUEUE } from './names';
import type { HoldCooldownInput } from './run-contract';

const TRIES = 3;

/**
 * Cooldowns held as workflows: a claim is a running `holdCooldown` whose id is a keyed hash of what is limited.
 * Temporal allows one running workflow an id, so the claim holds across workers, receivers and restarts.
 *
 * @param hashKey keeps the ids from being turned back into phone numbers by trying them all; the same on every worker.
 */
export class TemporalCooldowns implements Cooldowns {
  constructor(
    private readonly client: Client,
    private readonly hashKey: string,
  ) {}

  /** @throws what the Temporal client throws while Temporal is away. */
  async claim(key: string, windowMs: number, owner: string): Promise<'claimed' | 'held'> {
    const input: HoldCooldownInput = { window_ms: windowMs };
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.client.workflow.start(HOLD_COOLDOWN, {
          workflowId: this.#id(key),
          taskQueue: TASK_QUEUE,
          args: [input],
          workflowIdConflictPolicy: 'FAIL',
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          memo: { owner },
          staticSummary: 'cooldown',
        });
        return 'claimed';
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) {
          throw error;
        }
        const holder = await this.#holder(key);
        if (holder !== null || attempt === TRIES) {
          return holder === owner ? 'claimed' : 'held';
        }
      }
    }
  }

  async release(key: string, owner: string): Promise<void> {
    if ((await this.#holder(key)) === owner) {
      await this.client.workflow.getHandle(this.#id(key)).signal('releaseCooldown');
    }
  }

  /** Who holds the cooldown now; null when nobody does any more. */
  async #holder(key: string): Promise<string | null> {
    try {
      const { status, memo } = await this.client.workflow.getHandle(this.#id(key)).describe();
      const owner: unknown = memo?.['owner'];
      return status.name === 'RUNNING' && typeof owner === 'string' ? owner : null;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) {
        return null;
      }
      throw error;
    }
  }

  #id(key: string): string {
    return `cooldown/${createHmac('sha256', this.hashKey).update(key).digest('hex').slice(0, 32)}`;
  }
}
