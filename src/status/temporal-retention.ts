import type { Settings } from '../settings/settings';
import { askTemporal } from './temporal-client';

const SECONDS_PER_DAY = 86_400;

/** How many days Temporal keeps the history of a closed run; null when it does not answer. */
export async function retentionDays(settings: Settings): Promise<number | null> {
  try {
    return await askTemporal(settings, async ({ workflowService, options: { namespace } }) => {
      const { config } = await workflowService.describeNamespace({ namespace });
      const seconds = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0);
      return seconds === 0 ? null : Math.ceil(seconds / SECONDS_PER_DAY);
    });
  } catch {
    return null;
  }
}
