import { setTimeout as delay } from 'node:timers/promises';
import { isGrpcServiceError, type Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES } from '../runs/names';

type Types = Record<string, temporal.api.enums.v1.IndexedValueType>;

const { IndexedValueType } = temporal.api.enums.v1;
const REQUIRED: Types = Object.fromEntries(
  Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => [
    name,
    type === 'Keyword' ? IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD : IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
  ]),
);
const CALL_WITHIN_MS = 10_000;
/** Servers reload their search attributes within a minute. */
const USABLE_WITHIN_MS = 75_000;
const RETRY_EVERY_MS = 250;
/** gRPC status codes after which a later call may succeed. */
const UNAVAILABLE = new Set([
  1 /* CANCELLED */, 4 /* DEADLINE_EXCEEDED */, 5 /* NOT_FOUND: the namespace does not exist yet */,
  14 /* UNAVAILABLE */,
]);

/** Whether runs may have the bridge's search attributes. */
export interface SearchAttributesState {
  available: boolean;
  /** Why they are not available, in a sentence for the operator. Runs work without them. */
  problem?: string;
}

/**
 * Adds the search attributes of names.ts to the namespace, and waits until runs can be started with them. Existing ones
 * are not changed: an administrator may have created them where the bridge lacks the permission.
 *
 * @throws what the client throws when Temporal does not answer or the namespace does not exist: try again later.
 */
export async function registerSearchAttributes(
  connection: Connection | NativeConnection,
  namespace: string,
  usableWithinMs: number = USABLE_WITHIN_MS,
): Promise<SearchAttributesState> {
  const existing = await listAttributes(connection, namespace);
  const mismatched = Object.keys(REQUIRED).filter(
    (name) => existing[name] !== undefined && existing[name] !== REQUIRED[name],
  );
  if (mismatched.length > 0) {
    return unavailable(
      `these search attributes exist with another type than the bridge requires: ${mismatched.join(', ')}. ${REMEDY}`,
    );
  }
  const missing = Object.entries(REQUIRED).filter(([name]) => existing[name] === undefined);
  if (missing.length > 0) {
    const refusal = await addAttributes(connection, namespace, Object.fromEntries(missing));
    if (refusal !== null) {
      return unavailable(`Temporal does not permit the bridge to add search attributes (${refusal}). ${REMEDY}`);
    }
  }
  return (await waitUntilUsable(connection, namespace, usableWithinMs))
    ? { available: true }
    : unavailable(
        `the search attributes were added, but cannot be used after ${usableWithinMs / 1_000} s. The bridge tries again at its next start.`,
      );
}

const REMEDY = `Runs are started without them. To use them, create them in the namespace: ${Object.entries(
  SEARCH_ATTRIBUTES,
)
  .map(([name, type]) => `${name} (${type})`)
  .join(', ')}.`;

function unavailable(problem: string): SearchAttributesState {
  return { available: false, problem };
}

async function listAttributes(connection: Connection | NativeConnection, namespace: string): Promise<Types> {
  try {
    const { customAttributes } = await bounded(connection, () =>
      connection.operatorService.listSearchAttributes({ namespace }),
    );
    return customAttributes ?? {};
  } catch (error) {
    if (isUnavailable(error)) {
      throw error;
    }
  }
  // Temporal Cloud has no operator service. The permission to start runs includes reading the names.
  try {
    const { keys } = await bounded(connection, () => connection.workflowService.getSearchAttributes({}));
    return keys ?? {};
  } catch (error) {
    if (isUnavailable(error)) {
      throw error;
    }
    return {};
  }
}

/** @returns the server's reason for a refusal; null when the attributes exist now. */
async function addAttributes(
  connection: Connection | NativeConnection,
  namespace: string,
  searchAttributes: Types,
): Promise<string | null> {
  try {
    await bounded(connection, () => connection.operatorService.addSearchAttributes({ namespace, searchAttributes }));
    return null;
  } catch (error) {
    if (isUnavailable(error)) {
      throw error;
    }
    // Another worker may have added them meanwhile: some servers refuse to add them twice.
    const current = await listAttributes(connection, namespace);
    if (Object.keys(searchAttributes).every((name) => current[name] === searchAttributes[name])) {
      return null;
    }
    return isGrpcServiceError(error) ? error.details.slice(0, 200) : 'unknown reason';
  }
}

/** The server refuses queries, like starts, that contain an attribute it has not loaded yet. */
async function waitUntilUsable(
  connection: Connection | NativeConnection,
  namespace: string,
  withinMs: number,
): Promise<boolean> {
  const query = Object.keys(REQUIRED)
    .map((name) => `${name} = 'x'`)
    .join(' AND ');
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      await bounded(connection, () => connection.workflowService.countWorkflowExecutions({ namespace, query }));
      return true;
    } catch (error) {
      if (isUnavailable(error)) {
        throw error;
      }
      if (Date.now() >= deadline) {
        return false;
      }
      await delay(RETRY_EVERY_MS);
    }
  }
}

function isUnavailable(error: unknown): boolean {
  return !isGrpcServiceError(error) || UNAVAILABLE.has(error.code);
}

function bounded<T>(connection: Connection | NativeConnection, call: () => Promise<T>): Promise<T> {
  return connection.withDeadline(Date.now() + CALL_WITHIN_MS, call);
}
