import { createHash } from 'node:crypto';
import {
  ApplicationFailure,
  CancelledFailure,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
} from '@temporalio/client';
import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import type { CanonicalEvent, Party } from '../events/canonical-event';
import type { JsonObject } from '../events/json';
import type { Plan } from '../rules/plan';
import { HANDLE_EVENT, TASK_QUEUE } from './names';
import type { RunInput, RunReport } from './run-contract';

const INVALID_ARGUMENT = 3;
/**
 * Statuses that the clients make themselves when the server says nothing; the native one says 1 where the other says 4.
 */
const NO_ANSWER: Readonly<Record<number, string>> = {
  1: 'Temporal does not answer in time:',
  4: 'Temporal does not answer in time:',
  14: 'Temporal cannot be reached:',
};
const RESOURCE_EXHAUSTED = 8;
/**
 * Refusals that concern the size of this one event; what else is refused as invalid may be mended at the server, and is
 * tried again.
 */
const TOO_LARGE = /size exceeds limit|larger than max/i;

/** How a start ended. `exists`: a run with this id is there already, under way or closed; nothing was started. */
export type StartOutcome =
  { outcome: 'started'; runId: string } | { outcome: 'exists' } | { outcome: 'refused'; reason: string };

/**
 * How a run ended; `unknown` when Temporal has no such run (any more). The report is null when the run was terminated,
 * cancelled, or ended in a way of which nothing is known.
 */
export interface RunEnd {
  status: 'completed' | 'failed' | 'terminated' | 'cancelled' | 'timed_out' | 'unknown';
  report: RunReport | null;
}

/** A single member of an event's data may be this long (JSON) in a run's input; longer ones stay in the inbox only. */
const LONGEST_MEMBER = 64 * 1024;
/** Events up to this long go into the run whole. Temporal refuses inputs over 2 MiB (reference temporal.md 5.7). */
const LONGEST_EVENT = 512 * 1024;
const LONGEST_TEXT = 16 * 1024;
const LONGEST_NAME = 1_024;

/** How a run is started. */
export interface StartOptions {
  workflowId: string;
  /** Whether the server has the bridge's search attributes. */
  searchAttributes: boolean;
  /**
   * Give the first task straight to a worker of this process: only with a client on the worker's own NativeConnection.
   */
  eager: boolean;
}

/**
 * Starts the run of one event. Its workflow id is the event id, and neither a running nor a closed run of that id is
 * started again, as long as Temporal keeps the closed one (its namespace's retention).
 *
 * Throws when Temporal could not be asked (away, hanging, namespace missing): try again later.
 */
export async function startRun(
  client: Client,
  event: CanonicalEvent,
  plan: Plan,
  options: StartOptions,
): Promise<StartOutcome> {
  const { workflowId, searchAttributes, eager } = options;
  const waited_ms = Math.max(0, Date.now() - Date.parse(event.received_at));
  const input: RunInput = { event: fitForRun(event), plan, waited_ms, search_attributes: searchAttributes };
  const rules = plan.rules.map((rule) => rule.name);
  try {
    const handle = await client.workflow.start(HANDLE_EVENT, {
      workflowId,
      taskQueue: TASK_QUEUE,
      args: [input],
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      staticSummary: `${event.type}: ${rules.join(', ')}`.slice(0, 200),
      requestEagerStart: eager,
      ...(searchAttributes ? { typedSearchAttributes: attributesOf(event, plan, rules) } : {}),
    });
    return { outcome: 'started', runId: handle.firstExecutionRunId };
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) {
      return { outcome: 'exists' };
    }
    const refusal = grpcErrorIn(error);
    if (refusal !== null && (refusal.code === INVALID_ARGUMENT || refusal.code === RESOURCE_EXHAUSTED)) {
      if (TOO_LARGE.test(refusal.details)) {
        return {
          outcome: 'refused',
          reason: `Temporal refused the start: the event is too large (gRPC ${refusal.code})`,
        };
      }
    }
    throw error;
  }
}

/** The SDK wraps what the server answered. */
function grpcErrorIn(error: unknown): { code: number; details: string } | null {
  // Told by shape: errors of native code are no instances of this realm's Error everywhere (jest).
  for (let cause: unknown = error, depth = 0; typeof cause === 'object' && cause !== null && depth < 5; depth += 1) {
    if ('code' in cause && typeof cause.code === 'number') {
      const details = 'details' in cause && typeof cause.details === 'string' ? cause.details : '';
      return {
        code: cause.code,
        details: details === '' && 'message' in cause && typeof cause.message === 'string' ? cause.message : details,
      };
    }
    cause = 'cause' in cause ? cause.cause : undefined;
  }
  return null;
}

/** Why a start or a question failed, for logs and /readyz: Temporal's own status, which holds nothing of an event. */
export function describeTemporalError(error: unknown): string {
  const refusal = grpcErrorIn(error);
  if (refusal !== null) {
    const what = NO_ANSWER[refusal.code] ?? 'Temporal answered with';
    // grpc-js ends its messages so, with nothing behind it where the name needed no looking up.
    return `${what} gRPC status ${refusal.code}: ${refusal.details.replace(/\s*Resolution note:\s*$/, '')}`.slice(
      0,
      300,
    );
  }
  return error instanceof Error ? `${error.name}: ${error.message}`.slice(0, 300) : 'unknown error';
}

/** Waits for a run to close. Throws when Temporal could not be asked, or `signal` aborts first. */
export async function awaitRun(client: Client, workflowId: string, signal?: AbortSignal): Promise<RunEnd> {
  const result = (): Promise<unknown> => client.workflow.getHandle(workflowId).result();
  try {
    const report: unknown = await (signal === undefined ? result() : client.withAbortSignal(signal, result));
    return { status: 'completed', report: asReport(report) };
  } catch (error) {
    if (error instanceof WorkflowFailedError) {
      const { cause } = error;
      const status =
        cause instanceof TerminatedFailure
          ? 'terminated'
          : cause instanceof CancelledFailure
            ? 'cancelled'
            : cause instanceof TimeoutFailure
              ? 'timed_out'
              : 'failed';
      return { status, report: asReport(cause instanceof ApplicationFailure ? cause.details?.[0] : null) };
    }
    if (error instanceof WorkflowNotFoundError) {
      return { status: 'unknown', report: null };
    }
    throw error;
  }
}

function asReport(value: unknown): RunReport | null {
  return typeof value === 'object' && value !== null && 'event_id' in value && 'rules' in value
    ? (value as RunReport)
    : null;
}

function attributesOf(event: CanonicalEvent, plan: Plan, rules: string[]): SearchAttributePair[] {
  return [
    { key: defineSearchAttributeKey('BridgeEventType', 'KEYWORD'), value: event.type.slice(0, 100) },
    { key: defineSearchAttributeKey('BridgeResourceId', 'KEYWORD'), value: event.id },
    ...(event.customer_id === null
      ? []
      : [{ key: defineSearchAttributeKey('BridgeCustomerId', 'KEYWORD'), value: safeId(event.customer_id) }]),
    { key: defineSearchAttributeKey('BridgeRules', 'KEYWORD_LIST'), value: fitNames(rules) },
    { key: defineSearchAttributeKey('BridgeRuleset', 'KEYWORD'), value: plan.ruleset },
  ];
}

/** A customer id is VoIPBIN's UUID; anything else could be anything, and search attributes are never encrypted. */
function safeId(id: string): string {
  return /^[0-9a-f-]{36}$/i.test(id) ? id : `sha256:${createHash('sha256').update(id).digest('hex').slice(0, 16)}`;
}

/** Temporal takes 2 KiB a search attribute. */
function fitNames(names: string[]): string[] {
  let room = 1_800;
  return names.filter((name) => (room -= Buffer.byteLength(name) + 4) > 0);
}

/** The event as a run takes it: whole when it is small, else without its longest parts, which stay in the inbox. */
export function fitForRun(event: CanonicalEvent): CanonicalEvent {
  if (Buffer.byteLength(JSON.stringify(event)) <= LONGEST_EVENT) {
    return event;
  }
  let room = LONGEST_EVENT / 2;
  const data: JsonObject = {};
  for (const [name, value] of Object.entries(event.data)) {
    const size = Buffer.byteLength(JSON.stringify(value)) + name.length;
    if (size <= LONGEST_MEMBER && size <= room) {
      data[name] = value;
      room -= size;
    }
  }
  const text = (value: string | null): string | null => value?.slice(0, LONGEST_TEXT) ?? null;
  const party = (side: Party | null): Party | null =>
    side === null
      ? null
      : {
          type: side.type.slice(0, LONGEST_NAME),
          number: side.number?.slice(0, LONGEST_NAME) ?? null,
          name: side.name?.slice(0, LONGEST_NAME) ?? null,
        };
  return {
    ...event,
    declared_type: event.declared_type.slice(0, LONGEST_NAME),
    customer_id: event.customer_id?.slice(0, LONGEST_NAME) ?? null,
    peer: party(event.peer),
    ours: party(event.ours),
    hangup_by: text(event.hangup_by),
    reason: text(event.reason),
    text: text(event.text),
    status: text(event.status),
    call_id: event.call_id?.slice(0, LONGEST_NAME) ?? null,
    root_call_id: event.root_call_id?.slice(0, LONGEST_NAME) ?? null,
    data,
  };
}
