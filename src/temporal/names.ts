/** Every name that the bridge uses in Temporal, in one place (DESIGN "Names"). Operators and saved views rely on them. */

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
