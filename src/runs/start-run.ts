import { createHash } from 'node:crypto';
import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import type { CanonicalEvent } from '../events/canonical-event';
import type { Plan } from '../rules/plan';
import type { RunLabels } from './batch-contract';
import { fitForRun } from './fit-for-run';
import { HANDLE_EVENT, parseLaterRunId, TASK_QUEUE } from './names';
import type { EarlierRuns, RunInput } from './run-contract';
import { grpcErrorIn } from './temporal-error';

const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;
/** Refusals because of this event's size. Other invalid arguments may be fixed on the server: they are retried. */
const TOO_LARGE = /size exceeds limit|larger than max/i;
const MAX_SUMMARY_CHARS = 200;
const MAX_EVENT_TYPE_CHARS = 100;
/** Temporal accepts 2 KiB for one search attribute. */
const MAX_RULE_NAMES_BYTES = 1_800;

/** How a start ended. `exists`: a run with this id exists already, open or closed, and nothing was started. */
export type StartOutcome =
  { outcome: 'started'; runId: string } | { outcome: 'exists' } | { outcome: 'refused'; reason: string };

/** How a run is started. */
export interface StartOptions {
  workflowId: string;
  /** Whether the server has the bridge's search attributes. */
  searchAttributes: boolean;
  /**
   * Whether Temporal may give the first task directly to a worker in this process. Works only with a client on the
   * worker's own NativeConnection.
   */
  eager: boolean;
  /** For a run after the event's first: what earlier runs did. */
  later?: LaterRun;
}

/** What a retry or rerun is started with. */
export interface LaterRun {
  earlier: EarlierRuns;
  /** Whether budgets that count from the event's arrival count from now. */
  late: boolean;
  /** Who started it and why, for the run's page in the Temporal UI. Markdown, no personal data. */
  details: string;
}

/**
 * Starts the run of one event.
 *
 * Guarantees: at most one run for a workflow id, as long as Temporal keeps the closed run (its namespace's retention).
 *
 * @throws what the client throws when Temporal does not answer or the namespace is missing: try again later.
 */
export async function startRun(
  client: Client,
  event: CanonicalEvent,
  plan: Plan,
  options: StartOptions,
): Promise<StartOutcome> {
  const { workflowId, searchAttributes, eager, later } = options;
  const waited_ms = later?.late === true ? 0 : Math.max(0, Date.now() - Date.parse(event.received_at));
  const input: RunInput = {
    event: fitForRun(event),
    plan,
    waited_ms,
    search_attributes: searchAttributes,
    ...(later === undefined ? {} : { earlier: later.earlier }),
  };
  const labels = runLabels(event, plan, searchAttributes);
  const attributes = pairsOf({ ...labels.attributes, ...(searchAttributes ? retryOf(workflowId) : {}) });
  return startOnce(() =>
    client.workflow.start(HANDLE_EVENT, {
      workflowId,
      taskQueue: TASK_QUEUE,
      args: [input],
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      staticSummary: labels.summary,
      requestEagerStart: eager,
      ...(later === undefined ? {} : { staticDetails: later.details }),
      ...(searchAttributes ? { typedSearchAttributes: attributes } : {}),
    }),
  );
}

/**
 * Starts a workflow whose id permits one run.
 *
 * @throws what `start` throws when the start may succeed later.
 */
export async function startOnce(start: () => Promise<{ readonly firstExecutionRunId: string }>): Promise<StartOutcome> {
  try {
    const handle = await start();
    return { outcome: 'started', runId: handle.firstExecutionRunId };
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) {
      return { outcome: 'exists' };
    }
    const refusal = grpcErrorIn(error);
    if (
      refusal !== null &&
      (refusal.code === INVALID_ARGUMENT || refusal.code === RESOURCE_EXHAUSTED) &&
      TOO_LARGE.test(refusal.details)
    ) {
      return {
        outcome: 'refused',
        reason: `Temporal refused the start: the event is too large (gRPC ${refusal.code})`,
      };
    }
    throw error;
  }
}

/** What the first run of an event shows in Temporal's list. @param searchAttributes whether the server has them. */
export function runLabels(event: CanonicalEvent, plan: Plan, searchAttributes: boolean): RunLabels {
  const rules = plan.rules.map((rule) => rule.name);
  return {
    summary: `${event.type}: ${rules.join(', ')}`.slice(0, MAX_SUMMARY_CHARS),
    attributes: searchAttributes
      ? {
          BridgeEventType: event.type.slice(0, MAX_EVENT_TYPE_CHARS),
          BridgeResourceId: event.id,
          ...(event.customer_id === null ? {} : { BridgeCustomerId: customerIdOrHash(event.customer_id) }),
          BridgeRules: fitNames(rules),
          BridgeRuleset: plan.ruleset,
        }
      : {},
  };
}

/** Search attributes as the client takes them. */
export function pairsOf(attributes: RunLabels['attributes']): SearchAttributePair[] {
  return Object.entries(attributes).map(([name, value]) =>
    Array.isArray(value)
      ? { key: defineSearchAttributeKey(name, 'KEYWORD_LIST'), value }
      : { key: defineSearchAttributeKey(name, 'KEYWORD'), value },
  );
}

function retryOf(workflowId: string): RunLabels['attributes'] {
  const later = parseLaterRunId(workflowId);
  return later === null ? {} : { BridgeRetryOf: later.eventId };
}

/**
 * A customer id of VoIPBIN is a UUID. Anything else could contain personal data, and Temporal never encrypts search
 * attributes: it is replaced by a hash.
 */
function customerIdOrHash(id: string): string {
  return /^[0-9a-f-]{36}$/i.test(id) ? id : `sha256:${createHash('sha256').update(id).digest('hex').slice(0, 16)}`;
}

/** The names that fit into one search attribute. */
export function fitNames(names: string[]): string[] {
  let remainingBytes = MAX_RULE_NAMES_BYTES;
  return names.filter((name) => (remainingBytes -= Buffer.byteLength(name) + 4) > 0);
}
