import { createHmac } from 'node:crypto';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { CLAIM_WITHIN_LIMIT, COUNT_LIMIT, HOLD_COOLDOWN, RELEASE_COOLDOWN } from './names';

const CALL_WITHIN_MS = 3_000;
/** How long an answer is believed: as long as this object existed when it asked, within these bounds. */
const BELIEVED_MS = { least: 10_000, most: 600_000 };

const OPEN_RUNS = `ExecutionStatus = 'Running' AND WorkflowType IN ('${HOLD_COOLDOWN}', '${COUNT_LIMIT}')`;

/**
 * Cooldowns and counts of version 0.1: a workflow each, named after a hash of its key. Those that still run hold
 * after an upgrade.
 *
 * Guarantees: what ran when the first claim was made is respected. Whether there are any is asked again after ten
 * seconds, then ever less often, down to every ten minutes; so is what a worker of such a version adds while it runs
 * beside this one, from then on.
 *
 * Not guaranteed: a claim that such a worker makes less than that before one of ours on the same key.
 */
export class EarlierClaims {
  readonly #since: number;
  #asked: { until: number; any: Promise<boolean> } | null = null;

  /** @param hashKey as for `TemporalClaims`. */
  constructor(
    private readonly client: Client,
    private readonly hashKey: string,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#since = now();
  }

  /** The owner of a cooldown that is in force; null for none. @throws what the client throws. */
  async holderOf(key: string): Promise<string | null> {
    if (!(await this.#mayExist())) {
      return null;
    }
    return this.#ifRunning(async () => {
      const { status, memo } = await this.client.workflow.getHandle(cooldownWorkflowId(key, this.hashKey)).describe();
      const owner: unknown = memo?.['owner'];
      return status.name === 'RUNNING' && typeof owner === 'string' ? owner : null;
    });
  }

  /** Ends the owner's cooldown early; no effect without one. @throws what the client throws. */
  async release(key: string, owner: string): Promise<void> {
    if ((await this.holderOf(key)) === owner) {
      await this.#ifRunning(() =>
        this.client.workflow.getHandle(cooldownWorkflowId(key, this.hashKey)).signal(RELEASE_COOLDOWN),
      );
    }
  }

  /**
   * Counts `owner` where an earlier version has begun to count this period of a limit: then all its claims go there.
   * @returns whether it is counted; null when no run counts that period. @throws what the client throws.
   */
  async countWithin(subject: string, period: string, owner: string): Promise<boolean | null> {
    if (!(await this.#mayExist())) {
      return null;
    }
    return this.#ifRunning(() =>
      this.client.workflow
        .getHandle(limitWorkflowId(subject, period, this.hashKey))
        .executeUpdate<boolean, [string]>(CLAIM_WITHIN_LIMIT, { args: [owner] }),
    );
  }

  #mayExist(): Promise<boolean> {
    const now = this.now();
    if (this.#asked === null || now >= this.#asked.until) {
      const believedMs = Math.min(Math.max(now - this.#since, BELIEVED_MS.least), BELIEVED_MS.most);
      this.#asked = { until: now + believedMs, any: this.#ask() };
    }
    return this.#asked.any;
  }

  /** True also when Temporal does not say: then each claim looks for itself. */
  async #ask(): Promise<boolean> {
    try {
      const { count } = await this.client.withDeadline(Date.now() + CALL_WITHIN_MS, () =>
        this.client.workflow.count(OPEN_RUNS),
      );
      return count > 0;
    } catch {
      return true;
    }
  }

  async #ifRunning<Result>(call: () => Promise<Result>): Promise<Result | null> {
    try {
      return await this.client.withDeadline(Date.now() + CALL_WITHIN_MS, call);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) {
        return null;
      }
      throw error;
    }
  }
}

/** Workflow id of a cooldown of version 0.1. */
export function cooldownWorkflowId(key: string, hashKey: string): string {
  return `cooldown/${hashOf(key, hashKey)}`;
}

/** Workflow id of a count of version 0.1: `limit/<hash>/2026-03-02T09:41`. */
export function limitWorkflowId(subject: string, period: string, hashKey: string): string {
  return `limit/${hashOf(subject, hashKey)}/${period}`;
}

function hashOf(text: string, hashKey: string): string {
  return createHmac('sha256', hashKey).update(text).digest('hex').slice(0, 32);
}
