import { setTimeout as delay } from 'node:timers/promises';
import { isGrpcServiceError, type Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES } from '../runs/names';

type Types = Record<string, temporal.api.enums.v1.IndexedValueType>;

const { IndexedValueType } = temporal.api.enums.v1;
const WANTED: Types = Object.fromEntries(
  Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => [
    name,
    type === 'Keyword' ? IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD : IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
  ]),
);
const CALL_WITHIN_MS = 10_000;
/** Servers read their settings again after up to a minute. */
const USABLE_WITHIN_MS = 75_000;
const LOOK_EVERY_MS = 250;
const UNKNOWN_NAMESPACE = 5;
/** gRPC status codes that say "ask again later", not "no". */
const AWAY = new Set([1 /* CANCELLED */, 4 /* DEADLINE_EXCEEDED */, 14 /* UNAVAILABLE */]);

/** Whether runs may carry the bridge's search attributes. */
export interface SearchAttributesState {
  available: boolean;
  /** Why they are not, in a sentence for the operator. Runs work without. */
  problem?: string;
}

/**
 * Makes sure that the namespace has the search attributes of names.ts, and waits until runs can be started with them.
 * Those that exist are left alone, so that it works where an administrator made them and we may not.
 *
 * @throws what the client throws when Temporal cannot be asked (away, or no such namespace): try again later.
 */
export async function registerSearchAttributes(
  connection: Connection | NativeConnection,
  namespace: string,
  usableWithinMs: number = USABLE_WITHIN_MS,
): Promise<SearchAttributesState> {
  const existing = await listed(connection, namespace);
  const wrong = Object.keys(WANTED).filter((name) => existing[name] !== undefined && existing[name] !== WANTED[name]);
  if (wrong.length > 0) {
    return unavailable(
      `these search attributes exist with another type than the bridge needs: ${wrong.join(', ')}. ${REMEDY}`,
    );
  }
  const missing = Object.entries(WANTED).filter(([name]) => existing[name] === undefined);
  if (missing.length > 0) {
    const refusal = await add(connection, namespace, Object.fromEntries(missing));
    if (refusal !== null) {
      return unavailable(`Temporal does not let the bridge add search attributes (${refusal}). ${REMEDY}`);
    }
  }
  return (await becomeUsable(connection, namespace, usableWithinMs))
    ? { available: true }
    : unavailable(
        `the search attributes were added, but cannot be used after ${usableWithinMs / 1_000} s. They will be tried again at the next start.`,
      );
}

const REMEDY = `Runs go without them; to have them, create them in the namespace: ${Object.entries(SEARCH_ATTRIBUTES)
  .map(([name, type]) => `${name} (${type})`)
  .join(', ')}.`;

function unavailable(problem: string): SearchAttributesState {
  return { available: false, problem };
}

async function listed(connection: Connection | NativeConnection, namespace: string): Promise<Types> {
  try {
    const { customAttributes } = await bounded(connection, () =>
      connection.operatorService.listSearchAttributes({ namespace }),
    );
    return customAttributes ?? {};
  } catch (error) {
    if (isAway(error)) {
      throw error;
    }
  }
  // Temporal Cloud has no operator service, but everyone who may start runs may read the names.
  try {
    const { keys } = await bounded(connection, () => connection.workflowService.getSearchAttributes({}));
    return keys ?? {};
  } catch (error) {
    if (isAway(error)) {
      throw error;
    }
    return {};
  }
}

/** @returns why it was refused; null when it was not. */
async function add(
  connection: Connection | NativeConnection,
  namespace: string,
  searchAttributes: Types,
): Promise<string | null> {
  try {
    await bounded(connection, () => connection.operatorService.addSearchAttributes({ namespace, searchAttributes }));
    return null;
  } catch (error) {
    if (isAway(error)) {
      throw error;
    }
    // Another worker may have added them since we looked; then some servers refuse, and some are silent.
    const now = await listed(connection, namespace);
    if (Object.keys(searchAttributes).every((name) => now[name] === searchAttributes[name])) {
      return null;
    }
    return isGrpcServiceError(error) ? error.details.slice(0, 200) : 'unknown reason';
  }
}

/** The server refuses a query that names an attribute it does not know yet, and would refuse a start alike. */
async function becomeUsable(
  connection: Connection | NativeConnection,
  namespace: string,
  withinMs: number,
): Promise<boolean> {
  const query = Object.keys(WANTED)
    .map((name) => `${name} = 'x'`)
    .join(' AND ');
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      await bounded(connection, () => connection.workflowService.countWorkflowExecutions({ namespace, query }));
      return true;
    } catch (error) {
      if (isAway(error)) {
        throw error;
      }
      if (Date.now() >= deadline) {
        return false;
      }
      await delay(LOOK_EVERY_MS);
    }
  }
}

function isAway(error: unknown): boolean {
  return !isGrpcServiceError(error) || AWAY.has(error.code) || error.code === UNKNOWN_NAMESPACE;
}

function bounded<T>(connection: Connection | NativeConnection, call: () => Promise<T>): Promise<T> {
  return connection.withDeadline(Date.now() + CALL_WITHIN_MS, call);
}
