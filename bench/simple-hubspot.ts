/** Anchor: a program that logs a call to HubSpot with three requests. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

const TOO_MANY_REQUESTS = 429;
const AGAIN_AFTER_MS = 1_000;
/** HubSpot's association of a call with a contact. */
const CALL_TO_CONTACT = 194;

const record = z.object({ id: z.string() });
const found = z.object({ results: z.array(record) });

/**
 * Searches the caller's contact, writes it (a new one, or a change to the one found), and creates the call with it.
 * @throws Error when HubSpot refuses a request for another reason than its limits.
 */
export async function logCallSimply(
  baseUrl: string,
  token: string,
  { id, caller }: { id: string; caller: string },
): Promise<void> {
  const send = async (method: string, path: string, body: unknown): Promise<unknown> => {
    for (;;) {
      const response = await fetch(`${baseUrl}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      if (response.status !== TOO_MANY_REQUESTS) {
        if (!response.ok) {
          throw new Error(`HubSpot answered ${response.status}: ${await response.text()}`);
        }
        return response.json();
      }
      await response.arrayBuffer();
      await delay(AGAIN_AFTER_MS);
    }
  };
  const digits = caller.slice('+1'.length);
  const filter = { propertyName: 'hs_searchable_calculated_phone_number', operator: 'EQ', value: digits };
  const { results } = found.parse(
    await send('POST', '/crm/v3/objects/contacts/search', { filterGroups: [{ filters: [filter] }], limit: 1 }),
  );
  const [known] = results;
  const contact = record.parse(
    known === undefined
      ? await send('POST', '/crm/v3/objects/contacts', { properties: { phone: caller, lastname: caller } })
      : await send('PATCH', `/crm/v3/objects/contacts/${known.id}`, { properties: { lifecyclestage: 'lead' } }),
  );
  await send('POST', '/crm/v3/objects/calls', {
    properties: { hs_timestamp: new Date().toISOString(), hs_call_title: id },
    associations: [
      {
        to: { id: contact.id },
        types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: CALL_TO_CONTACT }],
      },
    ],
  });
}
