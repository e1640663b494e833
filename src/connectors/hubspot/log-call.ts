import { z } from 'zod';
import { defineAction } from '../connector';
import { CALL_OUTCOMES, callProperties, outcomeOf, titleOf } from './call-outcome';
import type { HubSpotClient } from './client';
import { ConflictRounds } from './conflict-rounds';
import {
  NAMES_TWO_CONTACTS,
  namesOneContact,
  actsOnPhones,
  contactChecks,
  contactInputs,
  contactOutput,
  numberOf,
  readsPeer,
  wantedContact,
} from './contact';
import { contactLookUp } from './contacts';
import { createOnce } from './create-once';
import { equal } from './record';
import { HubSpotSession } from './session';
import { fitHtml, fitText } from './texts';

/** HubSpot's association type from a call to a contact. */
const CALL_TO_CONTACT = 194;

/**
 * `hubspot.log_call`: a call on the contact's timeline, exactly one per action key, so one per call and step: the key
 * begins with the event id, which holds the call's id. {@link createOnce} states what is guaranteed and what is not.
 */
export const logCall = defineAction<HubSpotClient>()({
  summary: 'Logs the call on a HubSpot contact, once: by default the one with the number of the far end.',
  unit: 'CRM write',
  input: z
    .strictObject({
      outcome: z.enum(CALL_OUTCOMES).optional().describe('How the call ended; by default what the event says'),
      title: z
        .string()
        .optional()
        .describe('Title on the timeline; by default such as "Missed call from +15551234567 on +15557654321"'),
      body: z.string().optional().describe('Notes on the call, HTML'),
      ...contactInputs,
    })
    .refine(namesOneContact, NAMES_TWO_CONTACTS),
  sinks: { body: 'html' },
  numbers: ['number'],
  checks: contactChecks,
  output: z.object({
    call: z.object({ id: z.string().describe("HubSpot's id of the call") }).describe('The logged call'),
    contact: contactOutput.describe('The contact that it is logged on'),
    created: z.boolean().describe('Whether the contact was created for this'),
    matches: z.number().describe('How many contacts have the number; the one changed last was taken'),
  }),
  effect: 'repeatable',
  reads: { of: (input) => [...readsPeer(input), 'ours', 'direction', 'answered', 'talk_s'] },
  actsOn: (type, input) => (type.startsWith('call_') ? actsOnPhones(input) : null),
  budget: '24h',
  attemptTimeout: '30s',
  run: async (context, input) => {
    const { event } = context;
    if (!event.type.startsWith('call_')) {
      return { outcome: 'skipped', reason: 'the event is about no call' };
    }
    const wanted = wantedContact(context, input);
    if ('none' in wanted) {
      return { outcome: 'skipped', reason: wanted.none };
    }
    const session = new HubSpotSession(context.client, context.signal, context.log);
    const rounds = new ConflictRounds(context);
    const lookUp = contactLookUp(session, wanted, { country: context.country, unknown: input.unknown_contact, rounds });
    const number = numberOf(event, wanted);
    const outcome = input.outcome ?? outcomeOf(event);
    const title =
      input.title === undefined || input.title.trim() === '' ? titleOf(event, outcome, number) : fitText(input.title);
    const body = input.body === undefined ? undefined : fitHtml(input.body);
    const logged = await createOnce(session, {
      type: 'calls',
      key: context.key,
      isFirstAttempt: context.attempt === 1,
      rounds,
      properties: () => Promise.resolve(callProperties(event, number, { outcome, title, body, key: context.key })),
      contact: () => lookUp.find(),
      forgetContact: (id) => lookUp.forget(id),
      associationTypeId: CALL_TO_CONTACT,
      searchBy: () => [equal('hs_call_external_id', context.key)],
      // Accounts may have deleted HubSpot's own call outcomes; an external id may be refused to those without a calling app.
      instead: {
        hs_call_disposition: null,
        hs_call_external_id: null,
        hs_call_has_voicemail: null,
        hs_call_status: outcome === 'missed' ? 'NO_ANSWER' : null,
      },
    });
    if (logged === null) {
      return { outcome: 'skipped', reason: lookUp.none };
    }
    return { outcome: 'done', result: { call: { id: logged.record.id }, ...logged.contact } };
  },
});
