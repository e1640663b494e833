import { z } from 'zod';
import type { JsonObject } from './json';

/** A resource that VoIPBIN knows, by its kind and id. */
export interface ResourceRef {
  what: 'call' | 'transcribe' | 'recording' | 'agent';
  id: string;
}

/** What is known of calls and agents besides an event. Undefined: unknown so far; null: VoIPBIN does not have it. */
export interface KnownCalls {
  /** As in VoIPBIN's payloads, or the part of it that {@link callParts} keeps. */
  call(id: string): JsonObject | null | undefined;
  /** The ids of calls whose first leg this is, as far as known. */
  legsOf(id: string): readonly string[];
  /** The call that a transcription or recording is of; null when it is of no call. */
  callOf(what: 'transcribe' | 'recording', id: string): string | null | undefined;
  agent(id: string): JsonObject | null | undefined;
}

/** Knows nothing. */
export const NOTHING_KNOWN: KnownCalls = {
  call: () => undefined,
  legsOf: () => [],
  callOf: () => undefined,
  agent: () => undefined,
};

const resource = z.record(z.string(), z.json()).nullable();

/** The result of looking resources up: what a run carries. By id; null for what VoIPBIN does not have. */
export const foundCalls = z.object({
  calls: z.record(z.string(), resource),
  /** By `transcribe/<id>` and `recording/<id>`: the id of the call. */
  references: z.record(z.string(), z.string().nullable()),
  agents: z.record(z.string(), resource),
});
export type FoundCalls = z.infer<typeof foundCalls>;

/** The ids of the calls that were looked up and that VoIPBIN does not have. */
export function callsNotFound({ calls }: FoundCalls): string[] {
  return Object.entries(calls).flatMap(([id, call]) => (call === null ? [id] : []));
}

/** Makes the result of look-ups readable. */
export function knownFrom(found: FoundCalls): KnownCalls {
  return {
    call: (id) => own(found.calls, id),
    legsOf: () => [],
    callOf: (what, id) => own(found.references, `${what}/${id}`),
    agent: (id) => own(found.agents, id),
  };
}

function own<Value>(record: Record<string, Value>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

const CALL_MEMBERS = [
  'id',
  'type',
  'status',
  'direction',
  'source',
  'destination',
  'master_call_id',
  'chained_call_ids',
  'owner_type',
  'owner_id',
  'hangup_reason',
  'tm_create',
  'tm_progressing',
  'tm_hangup',
] as const;

/** The members of a call's payload from which the fields of an event are made. */
export function callParts(data: JsonObject): JsonObject {
  const parts: JsonObject = {};
  for (const name of CALL_MEMBERS) {
    const value = data[name];
    if (value !== undefined && value !== null && value !== '') {
      parts[name] = value;
    }
  }
  const { action } = data;
  if (typeof action === 'object' && action !== null && !Array.isArray(action) && action['type'] !== undefined) {
    parts['action'] = { type: action['type'] };
  }
  return parts;
}

/** The members of an agent's payload that fields show. */
export function agentParts(data: JsonObject): JsonObject {
  const { name = null, username = null } = data;
  return { name, username };
}
