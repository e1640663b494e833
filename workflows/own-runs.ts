import {
  defineSearchAttributeKey,
  SearchAttributeType,
  WorkflowExecutionAlreadyStartedError,
  type SearchAttributePair,
} from '@temporalio/common';
import {
  ChildWorkflowCancellationType,
  ParentClosePolicy,
  startChild,
  workflowInfo,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import type { Plan } from '../src/rules/plan';
import type { BatchedEvent } from '../src/runs/batch-contract';
import type { HANDLE_EVENT } from '../src/runs/names';
import type { EarlierRule, RunInput } from '../src/runs/run-contract';

const EVENT_WORKFLOW: typeof HANDLE_EVENT = 'handleEvent';
/** Inputs that are sent to Temporal at once: a message may have 4 MiB. */
const MAX_WAVE_CHARS = 1024 * 1024;

/** An event of a batch that goes on in its own run. */
export interface OwnRun {
  batched: BatchedEvent;
  plan: Plan;
  /** When the event arrived, by the batch's clock, in epoch milliseconds. */
  arrivedAt: number;
  /** What the batch did of its rules. */
  rules: Record<string, EarlierRule>;
}

/**
 * Starts the own runs of events: the same runs that they would have without a batch, and independent of it. A run that
 * exists already is left alone: another receiver has the event too.
 *
 * @throws only when the batch is cancelled.
 */
export async function startOwnRuns(own: readonly OwnRun[], searchAttributes: boolean): Promise<void> {
  let wave: Promise<void>[] = [];
  let waveChars = 0;
  for (const run of own) {
    const input = inputOf(run, searchAttributes);
    const chars = JSON.stringify(input).length;
    if (waveChars + chars > MAX_WAVE_CHARS) {
      await Promise.all(wave);
      wave = [];
      waveChars = 0;
    }
    waveChars += chars;
    wave.push(start(run, input));
  }
  await Promise.all(wave);
}

function inputOf({ batched, plan, arrivedAt, rules }: OwnRun, searchAttributes: boolean): RunInput {
  return {
    event: batched.event,
    plan,
    waited_ms: Math.max(0, Date.now() - arrivedAt),
    search_attributes: searchAttributes,
    earlier: { run: workflowInfo().workflowId, rules },
  };
}

async function start({ batched }: OwnRun, input: RunInput): Promise<void> {
  const { event, labels } = batched;
  try {
    await startChild(EVENT_WORKFLOW, {
      workflowId: event.event_id,
      args: [input],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      cancellationType: ChildWorkflowCancellationType.ABANDON,
      workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
      staticSummary: labels.summary,
      ...(input.search_attributes ? { typedSearchAttributes: pairsOf(labels.attributes) } : {}),
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) {
      throw error;
    }
  }
}

function pairsOf(attributes: BatchedEvent['labels']['attributes']): SearchAttributePair[] {
  return Object.entries(attributes).map(([name, value]) =>
    Array.isArray(value)
      ? { key: defineSearchAttributeKey(name, SearchAttributeType.KEYWORD_LIST), value }
      : { key: defineSearchAttributeKey(name, SearchAttributeType.KEYWORD), value },
  );
}
