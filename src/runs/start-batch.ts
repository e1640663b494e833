import type { Client } from '@temporalio/client';
import type { CanonicalEvent } from '../events/canonical-event';
import type { Plan } from '../rules/plan';
import type { BatchedEvent, BatchInput, RunLabels } from './batch-contract';
import { fitForRun } from './fit-for-run';
import { HANDLE_BATCH, TASK_QUEUE } from './names';
import { fitNames, pairsOf, runLabels, startOnce, type StartOptions, type StartOutcome } from './start-run';

const MAX_SUMMARY_CHARS = 200;

/** The events that one batch handles, in the order of arrival. */
export interface Batch {
  /** Workflow id: see `batchWorkflowId`. */
  id: string;
  events: readonly { event: CanonicalEvent; plan: Plan }[];
}

/**
 * Starts the run of a batch.
 *
 * Guarantees: at most one run for a batch id, as long as Temporal keeps the closed run. Whoever forms the batch sees to
 * it that all plans `mayBeBatched`, and that the bounds of batch-contract.ts hold.
 *
 * @throws what the client throws when Temporal does not answer or the namespace is missing: try again later.
 */
export function startBatch(
  client: Client,
  batch: Batch,
  { eager, searchAttributes }: Pick<StartOptions, 'eager' | 'searchAttributes'>,
): Promise<StartOutcome> {
  const input = batchInput(batch.events, searchAttributes);
  const types = [...new Set(batch.events.map(({ event }) => event.type))];
  return startOnce(() =>
    client.workflow.start(HANDLE_BATCH, {
      workflowId: batch.id,
      taskQueue: TASK_QUEUE,
      args: [input],
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      staticSummary: `batch of ${batch.events.length}: ${types.join(', ')}`.slice(0, MAX_SUMMARY_CHARS),
      requestEagerStart: eager,
      ...(searchAttributes ? { typedSearchAttributes: pairsOf(attributesOf(input)) } : {}),
    }),
  );
}

/** The input of a batch. Its size as JSON counts against `MAX_BATCH_BYTES`. */
export function batchInput(events: Batch['events'], searchAttributes: boolean): BatchInput {
  const plans: Plan[] = [];
  const positions = new Map<string, number>();
  const byReference = new Map<Plan, number>();
  const positionOf = (plan: Plan): number => {
    const json = JSON.stringify(plan);
    const position = positions.get(json) ?? plans.push(plan) - 1;
    positions.set(json, position);
    byReference.set(plan, position);
    return position;
  };
  const now = Date.now();
  return {
    plans,
    events: events.map(({ event, plan }): BatchedEvent => ({
      event: fitForRun(event),
      plan: byReference.get(plan) ?? positionOf(plan),
      waited_ms: Math.max(0, now - Date.parse(event.received_at)),
      labels: runLabels(event, plan, searchAttributes),
    })),
    search_attributes: searchAttributes,
  };
}

function attributesOf({ plans, events }: BatchInput): RunLabels['attributes'] {
  const types = new Set(events.map(({ labels }) => labels.attributes.BridgeEventType));
  const [type] = types;
  const rules = new Set(plans.flatMap((plan) => plan.rules.map((rule) => rule.name)));
  return {
    BridgeEventIds: events.map(({ event }) => event.event_id),
    BridgeRules: fitNames([...rules]),
    ...(types.size === 1 && type !== undefined ? { BridgeEventType: type } : {}),
  };
}
