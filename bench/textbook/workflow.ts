import { proxyActivities } from '@temporalio/workflow';
import type { EndedCall } from './call';
import type { createActivities } from './activities';

const { logCall } = proxyActivities<ReturnType<typeof createActivities>>({ startToCloseTimeout: '10 seconds' });

/** Anchor: one workflow, one regular activity, as Temporal's own tutorials write it. */
export async function logEndedCall(call: EndedCall): Promise<string> {
  return logCall(call);
}
