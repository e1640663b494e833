import { z } from 'zod';
import { EVENT_PARTS } from '../../events/canonical-event';
import { completeEvent } from '../../events/complete-event';
import type { JsonObject } from '../../events/json';
import {
  agentParts,
  callParts,
  foundCalls,
  knownFrom,
  type FoundCalls,
  type ResourceRef,
} from '../../events/known-calls';
import { referenceAt, textAt } from '../../events/payload';
import { parseInstant } from '../../events/time';
import { ActionError } from '../action-error';
import { defineAction } from '../connector';
import type { VoipbinClient } from './client';

/** A transcript, its transcription, its recording, its call, the legs of that: longer chains do not exist. */
const MAX_ROUNDS = 5;
/** The part of the connection that look-ups use. */
export const CALLS = 'calls';
const HOUR_MS = 3_600_000;
/** What VoIPBIN does not have may only be late. */
const NOT_FOUND_TTL_MS = 30_000;
const AGENT_TTL_MS = 600_000;

/**
 * `voipbin.look_up_call`: reads from VoIPBIN what an event does not say of its call. The bridge runs it itself, before the
 * first rule that needs it; rule files cannot name it.
 *
 * Guarantees: only what the wanted parts need is asked for, each resource once an hour while it cannot change, from a
 * bounded cache. Null for what VoIPBIN does not have, or no longer has. Not guaranteed: the name of an agent, which an
 * access key without that permission may not read.
 */
export const lookUpCall = defineAction<VoipbinClient>()({
  summary: 'Looks up the call that an event names.',
  input: z.strictObject({ parts: z.array(z.enum(EVENT_PARTS)).describe('The parts of the event that are wanted.') }),
  output: foundCalls,
  effect: 'repeatable',
  budget: '24h',
  attemptTimeout: '30s',
  run: async (context, { parts }) => {
    const { client, event, signal } = context;
    const found: FoundCalls = { calls: {}, references: {}, agents: {} };
    const wanted = new Set(parts);
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const { missing } = completeEvent(event, knownFrom(found), { has: (number) => context.isOurs(number) });
      const asked = missing.filter(({ part }) => wanted.has(part));
      if (asked.length === 0) {
        break;
      }
      // One after the other: the account's rate is shared by everybody, and mostly there is one.
      for (const ref of asked) {
        await addTo(found, ref, client, signal).catch(throwForCalls);
      }
    }
    return { outcome: 'done', result: found };
  },
});

/** VoIPBIN may permit an access key to send texts and not to read calls: then only the look-ups wait. */
function throwForCalls(error: unknown): never {
  if (error instanceof ActionError && error.errorClass === 'credential') {
    throw new ActionError('credential', error.message, {
      ...error.detail,
      part: CALLS,
      remedy: 'Let the access key (VOIPBIN_ACCESS_KEY) read calls, recordings and transcriptions, or renew it.',
    });
  }
  throw error;
}

async function addTo(found: FoundCalls, ref: ResourceRef, client: VoipbinClient, signal: AbortSignal): Promise<void> {
  const { what, id } = ref;
  const resource = await cached(client, ref, signal);
  switch (what) {
    case 'call':
      found.calls[id] = resource;
      break;
    case 'agent':
      found.agents[id] = resource;
      break;
    case 'recording':
    case 'transcribe':
      found.references[`${what}/${id}`] = resource === null ? null : textAt(resource, 'call');
  }
}

async function cached(client: VoipbinClient, ref: ResourceRef, signal: AbortSignal): Promise<JsonObject | null> {
  const key = `${ref.what}/${ref.id}`;
  const known = client.lookedUp.get(key);
  if (known !== undefined) {
    return known.resource;
  }
  const resource = await read(client, ref, signal);
  const ttl = lifetimeMs(ref.what, resource);
  if (ttl > 0) {
    client.lookedUp.set(key, { resource }, { ttl });
  }
  return resource;
}

function lifetimeMs(what: ResourceRef['what'], resource: JsonObject | null): number {
  if (resource === null) {
    return NOT_FOUND_TTL_MS;
  }
  if (what === 'agent') {
    return AGENT_TTL_MS;
  }
  // A call that goes on may still be answered, and gets more legs.
  return what !== 'call' || parseInstant(resource['tm_hangup']) !== null ? HOUR_MS : 0;
}

async function read(client: VoipbinClient, { what, id }: ResourceRef, signal: AbortSignal): Promise<JsonObject | null> {
  switch (what) {
    case 'call': {
      const call = await client.getCall(id, signal);
      return call === null ? null : callParts(call);
    }
    case 'agent':
      return readAgent(client, id, signal);
    case 'recording': {
      const recording = await client.getRecording(id, signal);
      return recording === null ? null : { call: callReferredTo({ ...recording }) };
    }
    case 'transcribe': {
      const transcribe = await client.getTranscribe(id, signal);
      if (transcribe === null) {
        return null;
      }
      const recording = textAt(transcribe, 'reference_type') === 'recording';
      const through = recording ? referenceAt(transcribe, 'reference_id') : null;
      return through === null
        ? { call: callReferredTo(transcribe) }
        : cached(client, { what: 'recording', id: through }, signal);
    }
  }
}

function callReferredTo(resource: Record<string, unknown>): string | null {
  const { reference_type: type, reference_id: id } = resource;
  return type === 'call' && typeof id === 'string' ? referenceAt({ id }, 'id') : null;
}

/** A name is not worth a rule: without the permission to read agents there is none. */
async function readAgent(client: VoipbinClient, id: string, signal: AbortSignal): Promise<JsonObject | null> {
  try {
    const agent = await client.getAgent(id, signal);
    return agent === null ? null : agentParts(agent);
  } catch (error) {
    if (error instanceof ActionError && (error.errorClass === 'permanent' || error.errorClass === 'credential')) {
      return null;
    }
    throw error;
  }
}
