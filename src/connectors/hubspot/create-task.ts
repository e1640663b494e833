import { z } from 'zod';
import { parseDuration } from '../../yaml/duration';
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
  type Contact,
} from './contact';
import { contactLookUp } from './contacts';
import { createOnce } from './create-once';
import { permanentFailure } from './failure';
import { equal } from './record';
import { HubSpotSession } from './session';
import { fitHtml, fitText } from './texts';

/** HubSpot's association type from a task to a contact. */
const TASK_TO_CONTACT = 204;
const CONTACT_OWNER = 'contact_owner';

/**
 * `hubspot.create_task`: a task on the contact, exactly one per action key. {@link createOnce} states what is guaranteed
 * and what not.
 */
export const createTask = defineAction<HubSpotClient>()({
  summary: 'Creates a follow-up task on a HubSpot contact, once: by default the one with the number of the far end.',
  unit: 'CRM write',
  input: z
    .strictObject({
      subject: z.string().describe('What is to be done'),
      body: z.string().optional().describe('Notes, HTML'),
      due: z
        .string()
        .default('1h')
        .describe(
          'When it is due. Counted from the event, also where the step runs late: 30m, 4h, 1d; the first time in a window of the rule file: next office 09:00; when it opens: next office. Or a date and time: 2026-03-02 09:00. A moment that has passed when the step begins is that begin',
        ),
      owner: z
        .string()
        .default(CONTACT_OWNER)
        .describe("Who does it: contact_owner (nobody when the contact has none), or a HubSpot user's e-mail"),
      priority: z.enum(['low', 'medium', 'high']).optional().describe('Priority in HubSpot'),
      ...contactInputs,
    })
    .refine(namesOneContact, NAMES_TWO_CONTACTS),
  sinks: { body: 'html' },
  moments: ['due'],
  numbers: ['number'],
  checks: {
    subject: (subject, { event }) => event !== null || checkSubject(subject),
    due: (due) => dueTime(due, 0, 0),
    owner: ownerWanted,
    ...contactChecks,
  },
  output: z.object({
    task: z
      .object({
        id: z.string().describe("HubSpot's id of the task"),
        due: z.string().describe('When it is due, ISO 8601 in UTC'),
      })
      .describe('The task'),
    contact: contactOutput.describe('The contact that it is about'),
    created: z.boolean().describe('Whether the contact was created for this'),
    matches: z.number().describe('How many contacts have the number; the one changed last was taken'),
  }),
  effect: 'repeatable',
  reads: { of: readsPeer },
  actsOn: (_, input) => actsOnPhones(input),
  budget: '24h',
  attemptTimeout: '30s',
  run: async (context, input) => {
    const { event } = context;
    const wanted = wantedContact(context, input);
    if ('none' in wanted) {
      return { outcome: 'skipped', reason: wanted.none };
    }
    const due = dueTime(input.due, Date.parse(event.occurred_at), context.startedAt.getTime());
    const owner = ownerWanted(input.owner);
    const session = new HubSpotSession(context.client, context.signal, context.log);
    const rounds = new ConflictRounds(context);
    const lookUp = contactLookUp(session, wanted, { country: context.country, unknown: input.unknown_contact, rounds });
    const made = await createOnce(session, {
      type: 'tasks',
      key: context.key,
      isFirstAttempt: context.attempt === 1,
      rounds,
      properties: async ({ contact }) => ({
        hs_timestamp: due,
        hs_task_subject: fitText(input.subject),
        hs_task_status: 'NOT_STARTED',
        hs_task_type: event.type.startsWith('call_') ? 'CALL' : 'TODO',
        ...(input.priority === undefined ? {} : { hs_task_priority: input.priority.toUpperCase() }),
        ...(input.body === undefined || input.body === '' ? {} : { hs_task_body: fitHtml(input.body) }),
        ...(await ownerProperty(session, owner, contact)),
      }),
      contact: () => lookUp.find(),
      forgetContact: (id) => lookUp.forget(id),
      associationTypeId: TASK_TO_CONTACT,
      searchBy: (properties) => [
        equal('hs_task_subject', properties['hs_task_subject'] ?? ''),
        equal('hs_timestamp', String(Date.parse(due))),
      ],
      // The contact's owner may have left; an owner that the rule names must be right.
      instead: owner === CONTACT_OWNER ? { hubspot_owner_id: null } : {},
    });
    if (made === null) {
      return { outcome: 'skipped', reason: lookUp.none };
    }
    return { outcome: 'done', result: { task: { id: made.record.id, due }, ...made.contact } };
  },
});

/** A time with a zone (ISO 8601): what windows and local times are before they get here. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}.*(?:Z|[+-]\d{2}:\d{2})$/;

/** A time, or a wait from the event on; the begin of the step where that is over. The same on every attempt. */
function dueTime(due: string, occurredAt: number, startedAt: number): string {
  const text = due.trim();
  const wait = parseDuration(text);
  const moment = wait === null ? (TIME.test(text) ? Date.parse(text) : NaN) : occurredAt + wait;
  const time = new Date(Math.max(moment, startedAt));
  if (Number.isNaN(time.getTime())) {
    throw permanentFailure(
      'the rendered `due` is neither a duration nor a time',
      'invalid_due',
      'Write it like 4h, next office 09:00 (with a window of the rule file) or 2026-03-02 09:00.',
    );
  }
  return time.toISOString();
}

/** A task without a subject is no help to anybody; HubSpot takes it. */
function checkSubject(subject: string): void {
  if (subject.trim() === '') {
    throw permanentFailure('the rendered `subject` is empty', 'empty_text', 'Say what is to be done.');
  }
}

function ownerWanted(owner: string): string {
  const wanted = owner.trim();
  if (wanted !== CONTACT_OWNER && !/^[^@\s]+@[^@\s]+$/.test(wanted)) {
    throw permanentFailure(
      'the rendered `owner` is neither contact_owner nor an e-mail',
      'invalid_owner',
      `Write ${CONTACT_OWNER}, or the e-mail of a HubSpot user.`,
    );
  }
  return wanted;
}

async function ownerProperty(
  session: HubSpotSession,
  wanted: string,
  contact: Contact,
): Promise<Record<string, string>> {
  if (wanted === CONTACT_OWNER) {
    return contact.owner_id === null ? {} : { hubspot_owner_id: contact.owner_id };
  }
  const id = await session.ownerId(wanted);
  if (id === null) {
    throw permanentFailure(
      'HubSpot has no user with the e-mail in `owner`',
      'owner_not_found',
      'Take the e-mail that the person signs in to HubSpot with.',
    );
  }
  return { hubspot_owner_id: id };
}
