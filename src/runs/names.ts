import { createHash } from 'node:crypto';

/**
 * Every name that the bridge uses in Temporal. The values are contracts: operators and saved views use them, and the
 * histories of open runs contain them.
 */

/** The task queue of all workflows and activities. */
export const TASK_QUEUE = 'bridge';

/** Workflow type of a run: one run per matched event. Its workflow id is the event id. */
export const HANDLE_EVENT = 'handleEvent';

/** Workflow type of a batch: the first attempts of many events in one run. */
export const HANDLE_BATCH = 'handleBatch';

/** Activity that makes the first attempts of all steps of a batch's events. */
export const BATCH_ATTEMPT = 'batch.attempt';

/**
 * Workflow id of a batch: `batch/<seq of its first event>-<how many>/<hash>`. The same events of the same receiver have
 * the same id, so that a batch is not started twice.
 * @param batch.receiver identifies the inbox whose `seq` it is.
 */
export function batchWorkflowId(batch: { firstSeq: number; eventIds: readonly string[]; receiver: string }): string {
  const { firstSeq, eventIds, receiver } = batch;
  const hash = createHash('sha256')
    .update(JSON.stringify([receiver, eventIds]))
    .digest('hex')
    .slice(0, 16);
  return `batch/${firstSeq}-${eventIds.length}/${hash}`;
}

/** Whether a workflow id is that of a batch. Event ids have one slash. */
export function isBatchId(workflowId: string): boolean {
  return /^batch\/\d+-\d+\/[0-9a-f]+$/.test(workflowId);
}

/** Signal of `handleEvent`: releases a step that waits for a parked connection. */
export const RELEASE_STEP = 'goOn';

/** Why a step of a rule in mode shadow is skipped, when it would have been done. */
export const SHADOWED = 'shadow: it would have been done';

/** Query of `handleEvent`: its steps that wait for a parked connection. */
export const PARKED_STEPS = 'parkedSteps';

/**
 * Query of `handleEvent`: its report so far, with the results of its steps (`ReportSoFar`). Of `handleBatch`, with an
 * event id as the argument: the report of that event's part (null for an event that has its own run, or is no member).
 */
export const RUN_REPORT = 'report';

/** Activity that claims a rule's limits before its first step. */
export const CLAIM_LIMITS = 'rules.claim_limits';

/** Activity that looks up the call of an event. It is run like the activity of an action. */
export const LOOK_UP_CALL = 'voipbin.look_up_call';

/** Activity that decides which rules run, when their conditions depend on the call that was looked up. */
export const DECIDE_RULES = 'rules.decide';

/** Workflow type that counts the claims of cooldowns and limits: one part of them, for good. */
export const KEEP_CLAIMS = 'keepClaims';

/** Workflow id of a part of the claims. @param shard one hexadecimal digit. */
export function claimsWorkflowId(shard: string): string {
  return `claims/${shard}`;
}

/** Update of `keepClaims`: makes and releases claims. */
export const CHANGE_CLAIMS = 'changeClaims';

/** Workflow type with which version 0.1 held one cooldown. Runs of it still count (earlier-claims.ts). */
export const HOLD_COOLDOWN = 'holdCooldown';

/** Signal of `holdCooldown`: ends the cooldown early. */
export const RELEASE_COOLDOWN = 'releaseCooldown';

/** Workflow type with which version 0.1 counted a limit's claims in one period. Runs of it still count. */
export const COUNT_LIMIT = 'countLimit';

/** Update of `countLimit`: counts one more claim, if the limit permits it. */
export const CLAIM_WITHIN_LIMIT = 'claimWithinLimit';

/** Workflow type that remembers who asked for no more texts: one part of them, for good. */
export const KEEP_OPT_OUTS = 'keepOptOuts';

/** Workflow id of a part of the opt-outs. @param shard one hexadecimal digit. */
export function optOutsWorkflowId(shard: string): string {
  return `opt-outs/${shard}`;
}

/** Update of `keepOptOuts`: a person asked for no more texts, or for texts again. */
export const CHANGE_OPT_OUT = 'changeOptOut';

/** Query of `keepOptOuts`: since when a person gets no texts. */
export const FIND_OPT_OUT = 'findOptOut';

/** Activity that records what a text asked for: no more texts, or texts again. */
export const RECORD_OPT_OUT = 'opt_outs.record';

/** Workflow type of a parked connection: the queue of its waiting steps. It runs while the connection is parked. */
export const PARK_CONNECTION = 'parkConnection';

/**
 * The name under which a part of a connection is parked, listed and resumed: `hubspot/owners`. It takes the place of a
 * connection's name in the messages of parking-contract.ts.
 */
export function partName(connection: string, part: string): string {
  return `${connection}/${part}`;
}

/** What of a connection can be parked: itself, and each of its parts. */
export function parkableNames({
  name,
  connection,
}: {
  readonly name: string;
  readonly connection: { readonly parts?: readonly string[] };
}): string[] {
  return [name, ...(connection.parts ?? []).map((part) => partName(name, part))];
}

/** Workflow id of a connection's queue. */
export function parkWorkflowId(connection: string): ParkWorkflowId {
  return `connection/${connection}`;
}
export type ParkWorkflowId = `connection/${string}`;

/** Signal of `parkConnection`: a step waits. */
export const STEP_WAITS = 'stepWaits';

/** Signal of `parkConnection`: a released step succeeded. */
export const CONNECTION_WORKS = 'connectionWorks';

/** Signal of `parkConnection`: release the oldest step at once. */
export const RESUME = 'resume';
/** Signal of `parkConnection`: a probe is over, and does not show whether the connection works. */
export const PROBE_OVER = 'probeOver';

/** Query of `parkConnection`: how many steps wait, and when the next one is released. */
export const QUEUE_STATE = 'lineState';

/** Activity that reports a connection's state to the operator. */
export const REPORT_CONNECTION = 'connections.report';

/** Search attributes and their Temporal types. Registered at start; a server that refuses them gets runs without. */
export const SEARCH_ATTRIBUTES = {
  BridgeEventType: 'Keyword',
  BridgeResourceId: 'Keyword',
  BridgeCustomerId: 'Keyword',
  BridgeRules: 'KeywordList',
  BridgeRuleset: 'Keyword',
  /** The events of a batch, in the batch. */
  BridgeEventIds: 'KeywordList',
  /** Workflow id of the event's first run, in its later runs. */
  BridgeRetryOf: 'Keyword',
  BridgeOutcome: 'Keyword',
  BridgeErrorClass: 'Keyword',
} as const;

export type SearchAttributeName = keyof typeof SEARCH_ATTRIBUTES;

/**
 * The workflow id of a later run of an event: `call_hangup/5371...#2` for the second. Event ids contain no `#`.
 * @param number 2 for the first retry or rerun.
 */
export function laterRunId(eventId: string, number: number): string {
  return `${eventId}#${number}`;
}

/** The event id and the number in the workflow id of a later run; null for the workflow id of a first run. */
export function parseLaterRunId(workflowId: string): { eventId: string; number: number } | null {
  const found = /^(?<eventId>[^#]+)#(?<number>[1-9]\d{0,8})$/.exec(workflowId)?.groups;
  const { eventId, number } = found ?? {};
  return eventId === undefined || number === undefined ? null : { eventId, number: Number(number) };
}

/** `<event id>/<rule>/<step>`: the idempotency key of a step, the same on every attempt and in later runs. */
export function actionKey(eventId: string, rule: string, step: string): string {
  return `${eventId}/${rule}/${step}`;
}
