import type { ActionContext, ActionOutcome } from '../../../src/connectors/action-context';
import { ActionError } from '../../../src/connectors/action-error';
import { HubSpotClient } from '../../../src/connectors/hubspot/client';
import { hubspot } from '../../../src/connectors/hubspot/connector';
import { openApis } from '../../../src/connectors/hubspot/sdk';
import {
  startHubSpotStandIn,
  type HubSpotStandIn,
  type HubSpotStandInOptions,
} from '../../../src/connectors/hubspot/stand-in/server';
import type { CanonicalEvent } from '../../../src/events/canonical-event';
import type { JsonObject, JsonValue } from '../../../src/events/json';
import { eventOf } from '../../events/event-of';

export type ActionName = 'update_contact' | 'log_call' | 'create_task';

const started: HubSpotStandIn[] = [];
afterEach(() => Promise.all(started.splice(0).map((standIn) => standIn.stop())));

/** Starts a stand-in that is stopped after the test, also when that fails. */
export async function startStandIn(options: HubSpotStandInOptions = {}): Promise<HubSpotStandIn> {
  const standIn = await startHubSpotStandIn(options);
  started.push(standIn);
  return standIn;
}

/** An incoming call from the page's sample caller, answered and hung up after 63.25 s of talk. */
export function callEvent(changes: Partial<CanonicalEvent> = {}): CanonicalEvent {
  return eventOf({
    declared_type: 'call_hungup',
    id: '5371e9db-d035-4db6-a8d6-0994d33e744e',
    occurred_at: '2026-03-02T01:01:10.250Z',
    received_at: '2026-03-02T01:01:10.400Z',
    direction: 'inbound',
    peer: { type: 'tel', number: '+15551234567', name: null },
    ours: { type: 'tel', number: '+15557654321', name: null },
    answered: true,
    ring_s: 7,
    talk_s: 63.25,
    duration_s: 70.25,
    hangup_by: 'remote',
    reason: 'normal',
    status: 'hangup',
    data: {},
    ...changes,
  });
}

/** A peer with this number. */
export function from(number: string, type = 'tel', name: string | null = null): Partial<CanonicalEvent> {
  return { peer: { type, number, name } };
}

/** A client as the bridge would open it, on the stand-in. */
export function openClient(standIn: Pick<HubSpotStandIn, 'settings'>, changes: JsonObject = {}): HubSpotClient {
  return new HubSpotClient(hubspot.connection.settings.parse({ ...standIn.settings, ...changes }), openApis);
}

/** What a test may choose about an attempt. */
export interface Attempt {
  event?: CanonicalEvent;
  key?: string;
  country?: string | null;
  timezone?: string;
  signal?: AbortSignal;
  startedAt?: Date;
  warnings?: string[];
  /** The number of this attempt of its step. */
  number?: number;
  /** What attempts of one step leave for the next. */
  progress?: { saved: JsonValue };
  isOurs?: (number: string) => boolean;
}

export function contextFor(client: HubSpotClient, attempt: Attempt = {}): ActionContext<HubSpotClient> {
  const event = attempt.event ?? callEvent();
  const log = (fields: Record<string, unknown>, message: string): void =>
    void attempt.warnings?.push(`${message} ${JSON.stringify(fields)}`);
  return {
    client,
    key: attempt.key ?? `${event.event_id}/log-calls/call`,
    signal: attempt.signal ?? new AbortController().signal,
    event,
    log: { info: () => undefined, warn: log },
    attempt: attempt.number ?? 1,
    startedAt: attempt.startedAt ?? new Date('2026-03-02T01:01:11.000Z'),
    progress: {
      last: attempt.progress?.saved ?? null,
      save: (detail) => {
        if (attempt.progress !== undefined) {
          attempt.progress.saved = detail;
        }
      },
    },
    country: attempt.country === undefined ? 'US' : attempt.country,
    timezone: attempt.timezone ?? 'Asia/Seoul',
    isOurs: attempt.isOurs ?? (() => false),
    cooldowns: { claim: () => Promise.resolve('claimed'), release: () => Promise.resolve() },
    optOuts: { since: () => Promise.resolve(null), record: () => Promise.resolve(null) },
    clientOf: () => {
      throw new TypeError('HubSpot asks no other connection');
    },
  };
}

/** Runs an action by its name, as the worker does: the input is judged by its schema first. */
export function run(
  name: ActionName,
  client: HubSpotClient,
  input: JsonObject,
  attempt: Attempt = {},
): Promise<ActionOutcome<JsonObject>> {
  const action = hubspot.actions[name];
  if (action === undefined) {
    throw new TypeError(`no action ${name}`);
  }
  return action.run(contextFor(client, attempt), input);
}

/** Runs an action that must be done; its result, judged by its output schema. */
export async function done(
  name: ActionName,
  client: HubSpotClient,
  input: JsonObject,
  attempt: Attempt = {},
): Promise<JsonObject> {
  const outcome = await run(name, client, input, attempt);
  if (outcome.outcome !== 'done') {
    throw new Error(`skipped: ${outcome.reason}`);
  }
  const output = hubspot.actions[name]?.output.parse(outcome.result);
  expect(output).toEqual(outcome.result);
  return outcome.result;
}

/** The ActionError that a promise ends in. */
export async function failureOf(promise: Promise<unknown>): Promise<ActionError> {
  const thrown: unknown = await promise.then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  );
  if (thrown instanceof ActionError) {
    return thrown;
  }
  throw thrown;
}

/** Everything of an error that Temporal and the logs would keep. */
export function allText(error: ActionError): string {
  return `${error.message} ${JSON.stringify(error.detail)}`;
}

/**
 * Makes attempts of one step as the worker does, until one is not `transient`. What a first attempt leaves is lost, as in
 * a local activity.
 * @returns how it ended, and how many attempts it took; at most ten are made.
 */
export async function attempts(
  name: ActionName,
  client: HubSpotClient,
  input: JsonObject,
  attempt: Attempt & { onTransient?: () => void } = {},
): Promise<{ ended: JsonObject | ActionError; count: number }> {
  const progress: { saved: JsonValue } = { saved: null };
  for (let number = 1; ; number += 1) {
    try {
      return { ended: await done(name, client, input, { ...attempt, number, progress }), count: number };
    } catch (error) {
      if (!(error instanceof ActionError) || error.errorClass !== 'transient' || number === 10) {
        if (error instanceof ActionError) {
          return { ended: error, count: number };
        }
        throw error;
      }
      attempt.onTransient?.();
      progress.saved = number === 1 ? null : progress.saved;
    }
  }
}
