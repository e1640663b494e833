import type { BatchKind } from '../../batcher';
import type { AccountLimits } from '../account-limits';
import type { ApiConnection, HubSpotApis, OpenApis } from '../sdk';

/** How long a request waits for its slot when its attempt has begun: within the time of an attempt (30 s). */
export const LATER_REQUEST_WAIT_MS = 20_000;
/** HubSpot's limit of a batch. */
export const MOST_INPUTS = 100;

/** What batches need of this worker's connection. */
export interface BatchConnection extends ApiConnection {
  readonly limits: AccountLimits;
  readonly openApis: OpenApis;
}

type Paced = Pick<BatchKind<unknown, unknown>, 'assertRoom' | 'admit'>;

/** Waits for the account's limit of requests: all kinds but searches, which have a limit of their own. */
export function paced({ limits }: BatchConnection): Paced {
  return {
    assertRoom: (_ahead, maxWaitMs) => limits.requests.assertRoom(maxWaitMs),
    admit: (signal) => limits.requests.waitForSlot(signal, LATER_REQUEST_WAIT_MS),
  };
}

/** The APIs of one batch, whose first request has got its slot already. */
export function apisOf(client: BatchConnection, signal: AbortSignal): HubSpotApis {
  let isFirst = true;
  return client.openApis(client, signal, async () => {
    if (!isFirst) {
      await client.limits.requests.waitForSlot(signal, LATER_REQUEST_WAIT_MS);
    }
    isFirst = false;
  });
}
