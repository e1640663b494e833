import { ActionError } from '../action-error';
import type { HubSpotClient } from './client';
import { answered, HubSpotFailure, isConflict } from './failure';
import type { HubSpotRecord, KeyUniqueness, ObjectType, PropertyDefinition } from './record';
import type { HubSpotSession } from './session';

interface KeyProperty {
  name: string;
  label: string;
  description: string;
  /** A property that every account has, whose group ours joins. */
  groupSibling: string;
}

const ACTION_KEY = {
  name: 'voipbin_action_key',
  label: 'VoIPBIN action key',
  description: 'Set by the VoIPBIN integration bridge so that nothing is logged twice. Do not edit.',
};

const KEY_PROPERTIES: Readonly<Record<ObjectType, KeyProperty>> = {
  calls: { ...ACTION_KEY, groupSibling: 'hs_call_title' },
  tasks: { ...ACTION_KEY, groupSibling: 'hs_task_subject' },
  contacts: {
    name: 'voipbin_phone',
    label: 'VoIPBIN phone',
    description: 'The number for which the VoIPBIN integration bridge created this contact. Do not edit.',
    groupSibling: 'phone',
  },
};

/** An administrator may fix a refusal in HubSpot's settings at any time: check again soon. */
const REFUSED_TTL_MS = 300_000;

/** The internal name of our own property on an object type. */
export function keyPropertyName(type: ObjectType): string {
  return KEY_PROPERTIES[type].name;
}

/**
 * Creates the bridge's own property of a type where it is missing and allowed, and returns whether HubSpot keeps its values
 * unique. Asks HubSpot once per process and hour. Logs a warning once when the values are not unique.
 *
 * @throws ActionError for temporary failures, and for a token that does not work at all.
 */
export async function ensureKeyProperty(session: HubSpotSession, type: ObjectType): Promise<KeyUniqueness> {
  const { client } = session;
  for (;;) {
    const known = client.keyUniqueness.get(type);
    if (known === undefined) {
      break;
    }
    try {
      return await known;
    } catch (error) {
      // The attempt that asked was cut off: the first of those that waited for it asks itself.
      const isOfOther = error instanceof ActionError && error.detail.code === 'cancelled' && !session.signal.aborted;
      if (!isOfOther) {
        throw error;
      }
    }
  }
  const asked = askHubSpot(session, type);
  client.keyUniqueness.set(type, asked);
  try {
    const uniqueness = await asked;
    if (uniqueness !== 'unique') {
      client.keyUniqueness.set(type, asked, { ttl: REFUSED_TTL_MS });
    }
    return uniqueness;
  } catch (error) {
    client.keyUniqueness.delete(type);
    throw error;
  }
}

/**
 * The record with this value of our own property; null when HubSpot shows none.
 *
 * @returns `refused` when HubSpot does not take the property as an id, whatever its definition says: somebody deleted it, or
 *   the account does not support it for this type.
 */
export async function recordByKey(
  session: HubSpotSession,
  type: ObjectType,
  value: string,
  by: { properties?: readonly string[]; associated?: boolean; archived?: boolean },
): Promise<HubSpotRecord | null | 'refused'> {
  try {
    return await session.get(type, value, { ...by, idProperty: keyPropertyName(type) });
  } catch (error) {
    // Our own look-up is never wrong by itself. A refusal of all reading is met again by the search that follows.
    if (error instanceof HubSpotFailure && (error.errorClass === 'permanent' || error.answer.status === 403)) {
      return 'refused';
    }
    throw error;
  }
}

/**
 * Finds out how HubSpot tells records apart after it refused our own property: creates the property again where somebody
 * deleted it. One that is still there does not work as an id: its records are searched for, for five minutes.
 */
export async function keyUniquenessAfterRefusal(session: HubSpotSession, type: ObjectType): Promise<KeyUniqueness> {
  const { client } = session;
  forgetKeyProperty(client, type);
  const existing = await definitionOrNull(session, type);
  if (existing === null) {
    return ensureKeyProperty(session, type);
  }
  const { name } = KEY_PROPERTIES[type];
  client.warnOnce(
    session.log,
    `${type}/refused`,
    { object_type: type, property: name },
    'HubSpot does not find records by our own property; falling back to its search, which may miss what was written seconds ago',
  );
  client.keyUniqueness.set(type, Promise.resolve('searchable'), { ttl: REFUSED_TTL_MS });
  return 'searchable';
}

/** Null also when the token may not read property settings. */
async function definitionOrNull(session: HubSpotSession, type: ObjectType): Promise<PropertyDefinition | null> {
  try {
    return await session.property(type, KEY_PROPERTIES[type].name);
  } catch (error) {
    if (answered(error, 403)) {
      return null;
    }
    throw error;
  }
}

/** The group of properties that ours joins; empty when HubSpot does not say it. */
export async function keyPropertyGroup(session: HubSpotSession, type: ObjectType): Promise<string> {
  return (await session.property(type, KEY_PROPERTIES[type].groupSibling))?.groupName ?? '';
}

/** Drops what is cached about the property, because HubSpot contradicts it: an administrator may have deleted it. */
function forgetKeyProperty(client: HubSpotClient, type: ObjectType): void {
  client.keyUniqueness.delete(type);
  client.definitions.delete(`${type}/${keyPropertyName(type)}`);
}

async function askHubSpot(session: HubSpotSession, type: ObjectType): Promise<KeyUniqueness> {
  const { client } = session;
  const { name } = KEY_PROPERTIES[type];
  const warn = (reason: string): void =>
    client.warnOnce(
      session.log,
      `${type}/${reason}`,
      { object_type: type, property: name, reason },
      'HubSpot does not keep our own property unique; falling back to its search, which may miss what was written seconds ago',
    );
  try {
    const existing = await session.property(type, name);
    if (existing !== null) {
      return uniquenessOf(existing, client, warn);
    }
    if (client.settings.idempotency === 'search') {
      return 'none';
    }
    if (!client.settings.create_properties) {
      warn('create_properties is off');
      return 'none';
    }
    return await create(session, type, warn);
  } catch (error) {
    // A missing scope for property settings must not park the connection: everything else may work.
    if (answered(error, 403)) {
      const { scopes } = error.answer;
      warn(scopes.length === 0 ? 'scope_missing' : `the token lacks ${scopes.join(' or ')}`);
      return 'none';
    }
    if (error instanceof HubSpotFailure && error.errorClass === 'permanent') {
      warn(error.detail.code);
      return 'none';
    }
    throw error;
  }
}

function uniquenessOf(
  existing: PropertyDefinition,
  client: HubSpotClient,
  warn: (reason: string) => void,
): KeyUniqueness {
  if (client.settings.idempotency === 'search') {
    return 'searchable';
  }
  if (!existing.hasUniqueValue) {
    warn('property_not_unique');
    return 'searchable';
  }
  return 'unique';
}

async function create(
  session: HubSpotSession,
  type: ObjectType,
  warn: (reason: string) => void,
): Promise<KeyUniqueness> {
  const { client } = session;
  const { groupSibling: _sibling, ...property } = KEY_PROPERTIES[type];
  try {
    const made = await session.createUniqueProperty(type, {
      ...property,
      groupName: await keyPropertyGroup(session, type),
    });
    return uniquenessOf(made, client, warn);
  } catch (error) {
    if (isConflict(error)) {
      // Another worker created it first.
      const existing = await session.property(type, property.name);
      return existing === null ? 'none' : uniquenessOf(existing, client, warn);
    }
    // For instance the ten unique properties that HubSpot allows to a type are used up.
    if (error instanceof HubSpotFailure && error.errorClass === 'permanent') {
      warn(error.detail.code);
      return 'none';
    }
    throw error;
  }
}
