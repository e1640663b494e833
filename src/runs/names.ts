/**
 * Every name that the bridge uses in Temporal, in one place (DESIGN "Names"). Operators and saved views rely on them.
 */

/** The task queue of workflows and of actions without a queue of their own. */
export const TASK_QUEUE = 'bridge';

/** Workflow type of a run: one per matched event. */
export const HANDLE_EVENT = 'handleEvent';

/** Workflow type that holds a cooldown for its window. */
export const HOLD_COOLDOWN = 'holdCooldown';

/** Workflow type that counts what a rule did in a minute, an hour or a day. */
export const COUNT_LIMIT = 'countLimit';

/** Update of `countLimit`: counts one more, if it may be. */
export const CLAIM_WITHIN_LIMIT = 'claimWithinLimit';

/** Activity that claims a rule's limits, before its first step. */
export const CLAIM_LIMITS = 'rules.claim_limits';

/** Workflow type of a parked connection: the line of its waiting steps. It runs only while the connection is parked. */
export const PARK_CONNECTION = 'parkConnection';

/** Id of the line of a connection. */
export function lineId(connection: string): LineId {
  return `connection/${connection}`;
}
export type LineId = `connection/${string}`;

/** Signals of `parkConnection`: a step waits; a step got through; the oldest is to try at once. */
export const STEP_WAITS = 'stepWaits';
export const CONNECTION_WORKS = 'connectionWorks';
export const RESUME = 'resume';

/** Query of `parkConnection`: how many wait, and when the next one tries. */
export const LINE_STATE = 'lineState';

/** Signal of `handleEvent`: a step that waits for a parked connection may try. */
export const GO_ON = 'goOn';

/** Query of `handleEvent`: its steps that wait for a parked connection. */
export const PARKED_STEPS = 'parkedSteps';

/** Activity that tells the operator what became of a connection. */
export const REPORT_CONNECTION = 'connections.report';

/** Search attributes and their Temporal types. All are registered at start; runs go without where a server refuses. */
export const SEARCH_ATTRIBUTES = {
  BridgeEventType: 'Keyword',
  BridgeResourceId: 'Keyword',
  BridgeCustomerId: 'Keyword',
  BridgeRules: 'KeywordList',
  BridgeRuleset: 'Keyword',
  BridgeOutcome: 'Keyword',
  BridgeErrorClass: 'Keyword',
} as const;

export type SearchAttributeName = keyof typeof SEARCH_ATTRIBUTES;

/** `<event id>/<rule>/<step>`: the idempotency key of one step of one run; the same on retries and on `runs retry`. */
export function actionKey(eventId: string, rule: string, step: string): string {
  return `${eventId}/${rule}/${step}`;
}
