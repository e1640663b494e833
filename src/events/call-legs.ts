import { readParty } from './address';
import { hasHungUp, readCall } from './call-fields';
import type { Agent, EventPart, Leg, Party } from './canonical-event';
import type { NumberLookup } from './direction';
import type { JsonObject } from './json';
import type { KnownCalls, ResourceRef } from './known-calls';
import { isObject, referenceAt, textAt } from './payload';
import type { ResourceFields } from './resource-fields';
import { parseInstant } from './time';

/** A resource that has to be looked up, and the part of the event that needs it. */
export interface Missing extends ResourceRef {
  part: EventPart;
}

/** A call with what its legs say of it. */
export interface JudgedCall {
  fields: ResourceFields;
  leg: Leg | null;
  agent: Agent | null;
  missing: Missing[];
}

/** Address types of ends that are ours. */
const OUR_TYPES: ReadonlySet<string> = new Set(['agent', 'extension', 'conference', 'ai', 'ai_team']);
/** Who picks up at these is no person. */
const NO_PERSON: ReadonlySet<string> = new Set(['conference', 'ai', 'ai_team']);
/** Legs that are looked at; a ring group may have many. */
const MAX_LEGS = 20;

/**
 * Reads a call, and decides by its legs whether a person answered, which leg of a conversation it is, and who talked.
 *
 * VoIPBIN itself picks up an inbound call to play a menu, to queue it, to record a message. A person answers on a further
 * leg: `connect`, `queue_join` and transfers each place one, which has `master_call_id`, while the first leg's
 * `chained_call_ids` only ever grow (VoIPBIN's call manager). So a person answered an inbound call when one of its legs was
 * picked up; without a leg nobody did. Of an outbound call, whoever picks up at its far end counts, unless VoIPBIN found
 * an answering machine (`amd`): nobody can tell a voicemail otherwise. In a conference it is unknown.
 */
export function judgeCall(type: string, data: JsonObject, known: KnownCalls, ours: NumberLookup): JudgedCall {
  const fields = readCall(type, data, ours);
  const missing: Missing[] = [];
  const id = fields.call_id ?? null;
  const answer = answerOf(type, data, fields, known, missing);
  const leg = legOf(data, id, fields.peer ?? null, known, ours, missing);
  return {
    fields: { ...fields, answered: answer.answered },
    leg,
    agent: agentNamed(answer.agent, known, missing),
    missing,
  };
}

interface Answer {
  answered: boolean | null;
  /** The agent's id. */
  agent: string | null;
}

function answerOf(
  type: string,
  data: JsonObject,
  fields: ResourceFields,
  known: KnownCalls,
  missing: Missing[],
): Answer {
  const { picked_up: pickedUp = null, call_id: id = null } = fields;
  const agent = ownerOf(data);
  if (fields.direction !== 'inbound' || referenceAt(data, 'master_call_id') !== null || pickedUp !== true) {
    const isMachine = textAt(data, 'hangup_reason') === 'amd';
    return { answered: isMachine ? false : pickedUp, agent };
  }
  const legs = id === null ? [] : legIds(data, id, known);
  const answeredLegs: JsonObject[] = [];
  const unknown: string[] = [];
  for (const leg of legs) {
    const found = known.call(leg);
    if (found === undefined) {
      unknown.push(leg);
    } else if (found !== null && isAnsweredByPerson(found)) {
      answeredLegs.push(found);
    }
  }
  const first = answeredLegs
    .map((leg) => ({ leg, at: parseInstant(leg['tm_progressing']) ?? 0 }))
    .sort((one, other) => one.at - other.at)[0];
  if (first !== undefined) {
    return { answered: true, agent: ownerOf(first.leg) ?? agent };
  }
  if (!hasHungUp(type, data) || isConference(data)) {
    return { answered: null, agent };
  }
  if (unknown.length > 0) {
    missing.push(...unknown.map((leg): Missing => ({ part: 'answered', what: 'call', id: leg })));
    return { answered: null, agent };
  }
  return { answered: false, agent };
}

function legIds(data: JsonObject, id: string, known: KnownCalls): string[] {
  const chained = data['chained_call_ids'];
  const named = Array.isArray(chained) ? chained.filter((leg): leg is string => typeof leg === 'string') : [];
  return [...new Set([...named, ...known.legsOf(id)])].slice(0, MAX_LEGS);
}

function isAnsweredByPerson(leg: JsonObject): boolean {
  const { type } = readParty(leg['destination']) ?? { type: '' };
  return parseInstant(leg['tm_progressing']) !== null && !NO_PERSON.has(type) && textAt(leg, 'hangup_reason') !== 'amd';
}

function isConference(data: JsonObject): boolean {
  const { action } = data;
  return textAt(data, 'type') === 'conference' || (isObject(action) && textAt(action, 'type') === 'conference_join');
}

/** The agent whose call it is: VoIPBIN sets the owner of a leg that it places to an agent. */
function ownerOf(call: JsonObject): string | null {
  if (textAt(call, 'owner_type') === 'agent') {
    return referenceAt(call, 'owner_id');
  }
  const destination = readParty(call['destination']);
  return destination?.type === 'agent' ? destination.number : null;
}

/** An agent by id, with its name where that is known. */
export function agentNamed(id: string | null, known: KnownCalls, missing: Missing[]): Agent | null {
  if (id === null) {
    return null;
  }
  const found = known.agent(id);
  if (found === undefined) {
    missing.push({ part: 'agent', what: 'agent', id });
  }
  return { id, name: textAt(found ?? {}, 'name'), username: textAt(found ?? {}, 'username') };
}

/** Whether an end of a call is ours: an agent, an extension, one of our numbers. */
export function isOurEnd(party: Party | null, ours: NumberLookup): boolean {
  return party !== null && (OUR_TYPES.has(party.type) || (party.number !== null && ours.has(party.number)));
}

/**
 * A further leg to somebody outside is the customer's when the first leg went to an end of ours: a click-to-call rings
 * the agent first.
 */
function legOf(
  data: JsonObject,
  id: string | null,
  peer: Party | null,
  known: KnownCalls,
  ours: NumberLookup,
  missing: Missing[],
): Leg | null {
  if (isOurEnd(peer, ours)) {
    return 'internal';
  }
  const master = referenceAt(data, 'master_call_id');
  if (master === null || master === id) {
    return 'customer';
  }
  if (!isOurEnd(readParty(data['source']), ours)) {
    // The caller's own number was passed on: the call came from outside and is forwarded.
    return 'further';
  }
  const first = known.call(master);
  if (first === undefined) {
    missing.push({ part: 'leg', what: 'call', id: master });
    return null;
  }
  return first !== null && isOurEnd(readCall('call_updated', first, ours).peer ?? null, ours) ? 'customer' : 'further';
}
