import { createHmac } from 'node:crypto';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { Cooldowns } from '../connectors/connector';
import { HOLD_COOLDOWN, RELEASE_COOLDOWN, TASK_QUEUE } from './names';
import type { HoldCooldownInput } from './run-contract';

const MAX_ATTEMPTS = 3;

/**
 * Cooldowns held by Temporal: a claim is a running workflow `holdCooldown` whose id is a keyed hash of what is limited.
 * Temporal allows one running workflow per id, so a claim holds across workers, receivers and restarts.
 */
export class TemporalCooldowns implements Cooldowns {
  /** @param hashKey prevents a search for the phone numbers behind the ids; the same on every worker. */
  constructor(
    private readonly client: Client,
    private readonly hashKey: string,
  ) {}

  /** Claims a cooldown. An owner that holds it already claims it again. @throws what the client throws. */
  async claim(key: string, windowMs: number, owner: string): Promise<'claimed' | 'held'> {
    const input: HoldCooldownInput = { window_ms: windowMs };
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.client.workflow.start(HOLD_COOLDOWN, {
          workflowId: cooldownWorkflowId(key, this.hashKey),
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
        if (holder !== null || attempt === MAX_ATTEMPTS) {
          return holder === owner ? 'claimed' : 'held';
        }
      }
    }
  }

  /** Ends the owner's claim early. No effect when another owner holds the cooldown. @throws what the client throws. */
  async release(key: string, owner: string): Promise<void> {
    if ((await this.#holder(key)) === owner) {
      await this.client.workflow.getHandle(cooldownWorkflowId(key, this.hashKey)).signal(RELEASE_COOLDOWN);
    }
  }

  /** The owner of the cooldown; null when it is free. */
  async #holder(key: string): Promise<string | null> {
    try {
      const { status, memo } = await this.client.workflow.getHandle(cooldownWorkflowId(key, this.hashKey)).describe();
      const owner: unknown = memo?.['owner'];
      return status.name === 'RUNNING' && typeof owner === 'string' ? owner : null;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) {
        return null;
      }
      throw error;
    }
  }
}

/** Workflow id of a cooldown. It contains no part of the key. */
export function cooldownWorkflowId(key: string, hashKey: string): string {
  return `cooldown/${createHmac('sha256', hashKey).update(key).digest('hex').slice(0, 32)}`;
}
