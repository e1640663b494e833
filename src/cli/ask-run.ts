import { Client } from '@temporalio/client';
import type { Settings } from '../settings/settings';
import { connectClient, resolveTemporal } from '../temporal/connection';
import { embeddedAddressOf } from '../temporal/embedded-server';

const ANSWER_WITHIN_MS = 3_000;

/** What Temporal says of a run now. */
export interface RunState {
  /** Temporal's status in lower case: `running`, `completed`, `failed`, `terminated` ... */
  status: string;
  /** Steps that are being retried: the activity, its attempt, and the last failure's message. */
  pending: { action: string; attempt: number; problem: string | null }[];
}

/**
 * Asks Temporal for a run. Null when it cannot be asked, or knows no such run.
 */
export async function askRun(settings: Settings, eventId: string): Promise<RunState | null> {
  const embeddedAddress = embeddedAddressOf(settings.dataDir);
  const temporal = resolveTemporal({ settings: settings.temporal, env: process.env, embeddedAddress });
  const connection = connectClient(temporal);
  try {
    const client = new Client({ connection, namespace: temporal.namespace });
    const description = await client.withDeadline(Date.now() + ANSWER_WITHIN_MS, () => client.workflow.getHandle(eventId).describe());
    return {
      status: description.status.name.toLowerCase(),
      pending: (description.raw.pendingActivities ?? []).map((activity) => ({
        action: activity.activityType?.name ?? '',
        attempt: activity.attempt ?? 1,
        problem: activity.lastFailure?.message ?? null,
      })),
    };
  } catch {
    return null;
  } finally {
    await connection.close();
  }
}
