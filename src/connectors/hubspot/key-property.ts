import type { HubSpotClient } from './client';
import { answered, HubSpotFailure, isConflict } from './failure';
import type { HubSpotSession, ObjectType, PropertyDefinition } from './session';

/**
 * How our own property tells records of one object type apart.
 * - `unique`: HubSpot keeps it unique; a second record with the same value is refused.
 * - `searchable`: it is there, but HubSpot does not keep it unique.
 * - `none`: it is not there.
 */
export type Keying = 'unique' | 'searchable' | 'none';

interface KeyProperty {
  name: string;
  label: string;
  description: string;
  /** A property that every account has, whose group ours joins. */
  beside: string;
}

const ACTION_KEY = {
  name: 'voipbin_action_key',
  label: 'VoIPBIN action key',
  description: 'Set by the VoIPBIN integration bridge so that nothing is logged twice. Do not edit.',
};

const KEY_PROPERTIES: Readonly<Record<ObjectType, KeyProperty>> = {
  calls: { ...ACTION_KEY, beside: 'hs_call_title' },
  tasks: { ...ACTION_KEY, beside: 'hs_task_subject' },
  contacts: {
    name: 'voipbin_phone',
    label: 'VoIPBIN phone',
    description: 'The number for which the VoIPBIN integration bridge created this contact. Do not edit.',
    beside: 'phone',
  },
};

/** Refusals may be mended in HubSpot's settings at any time: look again soon. */
const REFUSED_TTL_MS = 300_000;

/** The internal name of our own property on an object type. */
export function keyPropertyOf(type: ObjectType): string {
  return KEY_PROPERTIES[type].name;
}

/**
 * Finds out how records of a type can be told apart, and creates our unique property where it is missing and allowed.
 * Asked once per process and hour. Where it cannot be unique, says so in the log once and goes on without.
 *
 * @throws ActionError for trouble that passes, and for a token that does not work at all.
 */
export async function keyingOf(session: HubSpotSession, type: ObjectType): Promise<Keying> {
  const { client } = session;
  const known = client.keyings.get(type);
  if (known !== undefined) {
    return known;
  }
  const asked = findOut(session, type);
  client.keyings.set(type, asked);
  try {
    const keying = await asked;
    if (keying !== 'unique') {
      client.keyings.set(type, asked, REFUSED_TTL_MS);
    }
    return keying;
  } catch (error) {
    client.keyings.delete(type);
    throw error;
  }
}

/** Forgets what was found out, because HubSpot contradicts it: an administrator may have deleted the property. */
export function forgetKeying(client: HubSpotClient, type: ObjectType): void {
  client.keyings.delete(type);
  client.definitions.delete(`${type}/${keyPropertyOf(type)}`);
}

async function findOut(session: HubSpotSession, type: ObjectType): Promise<Keying> {
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
      return judge(existing, client, warn);
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
    // Lacking a scope for property settings is no reason to park the connection: everything else may work.
    if (answered(error, 403)) {
      warn('scope_missing');
      return 'none';
    }
    throw error;
  }
}

function judge(existing: PropertyDefinition, client: HubSpotClient, warn: (reason: string) => void): Keying {
  if (client.settings.idempotency === 'search') {
    return 'searchable';
  }
  if (!existing.hasUniqueValue) {
    warn('property_not_unique');
    return 'searchable';
  }
  return 'unique';
}

async function create(session: HubSpotSession, type: ObjectType, warn: (reason: string) => void): Promise<Keying> {
  const { beside, ...property } = KEY_PROPERTIES[type];
  const neighbour = await session.property(type, beside);
  try {
    await session.createUniqueProperty(type, { ...property, groupName: neighbour?.groupName ?? '' });
    return 'unique';
  } catch (error) {
    if (isConflict(error)) {
      // Another worker was faster.
      const existing = await session.property(type, property.name);
      return existing?.hasUniqueValue === true ? 'unique' : 'none';
    }
    // For instance the ten unique properties that HubSpot allows to a type are used up.
    if (error instanceof HubSpotFailure && error.errorClass === 'permanent') {
      warn(error.detail.code);
      return 'none';
    }
    throw error;
  }
}
