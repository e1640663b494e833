import { providerCode } from '../action-error';
import { z } from 'zod';
import { defineAction } from '../connector';
import type { HubSpotClient } from './client';
import { ConflictRounds } from './conflict-rounds';
import {
  NAMES_TWO_CONTACTS,
  namesOneContact,
  actsOnPhones,
  contactChecks,
  contactInputs,
  contactOutput,
  readsPeer,
  wantedContact,
  type FoundContact,
} from './contact';
import { contactLookUp, type ContactLookUp } from './contacts';
import { answered, permanentFailure, refusedProperties } from './failure';
import { propertyValue } from './property-values';
import type { PropertyDefinition } from './record';
import { HubSpotSession } from './session';

/**
 * `hubspot.update_contact`: writes properties of a contact: the one that the event's peer is, unless the rule names another.
 *
 * Guaranteed: doing it again under one key leaves what doing it once leaves. Not guaranteed: that an older event,
 * handled late, does not overwrite what a newer one wrote.
 */
export const updateContact = defineAction<HubSpotClient>()({
  summary: 'Writes properties of a HubSpot contact: by default the one with the number of the far end.',
  unit: 'CRM write',
  input: z
    .strictObject({
      properties: z
        .record(
          z
            .string()
            .regex(
              /^[a-z][a-z0-9_]*$/,
              'a property is named by its internal name in HubSpot: small letters, digits, _',
            ),
          z.string(),
        )
        .refine((properties) => Object.keys(properties).length > 0, 'name at least one property')
        .refine((properties) => Object.keys(properties).length <= 100, 'at most 100 properties')
        .describe(
          "Values by the properties' internal names. Times are turned into what a date or datetime property takes; an empty text clears.",
        ),
      ...contactInputs,
    })
    .refine(namesOneContact, NAMES_TWO_CONTACTS),
  output: z.object({
    contact: contactOutput.describe('The contact that was written'),
    created: z.boolean().describe('Whether the contact was created for this'),
    matches: z.number().describe('How many contacts have the number; the one changed last was taken'),
  }),
  numbers: ['number'],
  checks: contactChecks,
  effect: 'repeatable',
  reads: { of: readsPeer },
  actsOn: (_, input) => actsOnPhones(input),
  budget: '24h',
  attemptTimeout: '30s',
  run: async (context, input) => {
    const wanted = wantedContact(context, input);
    if ('none' in wanted) {
      return { outcome: 'skipped', reason: wanted.none };
    }
    const session = new HubSpotSession(context.client, context.signal, context.log);
    const lookUp = contactLookUp(session, wanted, {
      country: context.country,
      unknown: input.unknown_contact,
      rounds: new ConflictRounds(context),
    });
    const found = await lookUp.find();
    if (found === null) {
      return { outcome: 'skipped', reason: lookUp.none };
    }
    const values = await readValues(session, input.properties, context.timezone);
    const written = await writeTo(session, found, values, lookUp);
    return written === null ? { outcome: 'skipped', reason: lookUp.none } : { outcome: 'done', result: written };
  },
});

/** The values in HubSpot's forms. Names all properties that are wrong at once, never their values. */
async function readValues(
  session: HubSpotSession,
  properties: Readonly<Record<string, string>>,
  timezone: string,
): Promise<Record<string, string>> {
  const names = Object.keys(properties);
  const definitions = await definitionsOf(session, names);
  const unknown = names.filter((name) => definitions !== null && !definitions.has(name));
  if (unknown.length > 0) {
    throw permanentFailure(
      `HubSpot's contacts have no property ${unknown.join(', ')}`,
      providerCode('PROPERTY_DOESNT_EXIST'),
      'Create it in HubSpot (Settings > Properties > Contact properties), or correct its internal name in the rule file.',
    );
  }
  const values: Record<string, string> = {};
  const unreadable: string[] = [];
  for (const [name, text] of Object.entries(properties)) {
    const value = propertyValue(definitions?.get(name) ?? null, text, timezone);
    if (value === null) {
      unreadable.push(`${name} (${definitions?.get(name)?.type ?? 'text'})`);
    } else {
      values[name] = value;
    }
  }
  if (unreadable.length > 0) {
    throw permanentFailure(
      `the rule has no time for ${unreadable.join(', ')}`,
      providerCode('INVALID_DATE'),
      'Give it an ISO time, such as {{ occurred_at }}, or nothing to clear it.',
    );
  }
  return values;
}

/**
 * By name, without those that do not exist; null when the token may not read property settings: HubSpot then judges the
 * texts itself.
 */
async function definitionsOf(
  session: HubSpotSession,
  names: readonly string[],
): Promise<Map<string, PropertyDefinition> | null> {
  try {
    const definitions = await Promise.all(names.map((name) => session.property('contacts', name)));
    return new Map(
      definitions.filter((definition) => definition !== null).map((definition) => [definition.name, definition]),
    );
  } catch (error) {
    if (!answered(error, 403)) {
      throw error;
    }
    session.client.warnOnce(
      session.log,
      'definitions',
      {},
      'the HubSpot token may not read property settings (crm.schemas.contacts.read): texts are written as they are',
    );
    return null;
  }
}

/** Writes; looks the contact up anew when the one found is gone, for it may have come from the cache. */
async function writeTo(
  session: HubSpotSession,
  found: FoundContact,
  values: Readonly<Record<string, string>>,
  lookUp: ContactLookUp,
): Promise<FoundContact | null> {
  try {
    await session.update('contacts', found.contact.id, values);
    return found;
  } catch (error) {
    // What is cached about these properties is no longer so: somebody deleted or changed them.
    refusedProperties(error).forEach((name) => session.client.definitions.delete(`contacts/${name}`));
    if (!answered(error, 404)) {
      throw error;
    }
  }
  lookUp.forget(found.contact.id);
  const again = await lookUp.find();
  if (again !== null) {
    await session.update('contacts', again.contact.id, values);
  }
  return again;
}
