import { setTimeout as delay } from 'node:timers/promises';
import type { Proof } from '../../proof';
import type { HubSpotClient } from '../client';
import { PERMISSIONS } from '../permissions';
import { phoneForms } from '../phone-forms';
import { equal } from '../record';
import { batchProof } from './batch';
import { outcomeOf, Sandbox } from './sandbox';
import { uniquePropertyProof } from './unique-property';

const LOOK_EVERY_MS = 2_000;
const LOOK_TIMES = 30;

/** A number of the plan with a zero of its own, in the forms in which people write it. Rome, in no subscriber's range. */
const ITALIAN = '+390612345678';
const WRITTEN = [
  ['phone', '+39 06 1234 5678'],
  ['phone', '06 1234 5678'],
  ['mobilephone', '+39 06 1234 5678'],
] as const;
const SEARCHABLE = {
  phone: 'hs_searchable_calculated_phone_number',
  mobilephone: 'hs_searchable_calculated_mobile_number',
} as const;

const searchableDigits: Proof<HubSpotClient> = {
  name: 'searchable-phone-digits',
  question: 'Which digits does HubSpot make searchable of a number with a zero of its own?',
  creates: 'three contacts',
  run: async (client, tools) => {
    const sandbox = new Sandbox(client, tools);
    const contacts = sandbox.records('contacts');
    const seen: { stored: string; digits: string | null }[] = [];
    for (const [property, stored] of WRITTEN) {
      const made = await contacts.create({ [property]: stored });
      const name = SEARCHABLE[property];
      const id = made.result?.id;
      const digits =
        id === undefined
          ? null
          : await awaited(tools.signal, async () => {
              const record = await sandbox.session.get('contacts', id, { properties: [name] });
              return record?.properties[name] ?? null;
            });
      seen.push({ stored: `${stored} in ${property}`, digits });
    }
    const { searchable } = phoneForms(ITALIAN);
    const answer = seen.map(({ stored, digits }) => `${stored}: ${digits ?? 'none'}`).join('; ');
    return seen.every(({ digits }) => digits !== null && searchable.includes(digits))
      ? { answer, verdict: 'as_assumed', means: 'A contact is found in whatever form its number is stored.' }
      : {
          answer,
          verdict: 'differs',
          means: 'Contacts with such numbers may not be found: please report this answer.',
        };
  },
};

const missedStatus: Proof<HubSpotClient> = {
  name: 'missed-call-status',
  question: 'Can a call that is logged have the status MISSED?',
  creates: 'one call',
  run: async (client, tools) => {
    const calls = new Sandbox(client, tools).records('calls');
    const { refusal } = await calls.create({ hs_call_status: 'MISSED', hs_call_direction: 'INBOUND' });
    return refusal === null
      ? { answer: 'it was created', verdict: 'as_assumed', means: 'HubSpot’s own views of missed calls show them.' }
      : { answer: refusal.text, verdict: 'differs', means: 'Missed calls are logged with the status NO_ANSWER.' };
  },
};

const externalId: Proof<HubSpotClient> = {
  name: 'call-external-id',
  question: 'Can a call have an external id without a calling app, and when does a search find it?',
  creates: 'one call',
  run: async (client, tools) => {
    const sandbox = new Sandbox(client, tools);
    const { refusal } = await sandbox.records('calls').create({ hs_call_external_id: tools.mark });
    if (refusal !== null) {
      return {
        answer: refusal.text,
        verdict: 'differs',
        means: 'Without a unique property, a retry after a lost answer logs a call twice.',
      };
    }
    const since = performance.now();
    const found = await awaited(tools.signal, async () => {
      const [hit] = await sandbox.session.search('calls', [[equal('hs_call_external_id', tools.mark)]], []);
      return hit?.id ?? null;
    });
    const seconds = Math.ceil((performance.now() - since) / 1_000);
    return found !== null && seconds <= 15
      ? {
          answer: `it was created, and found within ${seconds} s`,
          verdict: 'as_assumed',
          means: 'Without a unique property, a retry 15 s after a lost answer finds the call.',
        }
      : {
          answer: found === null ? 'it was created, and not found within a minute' : `found after ${seconds} s`,
          verdict: 'differs',
          means: 'Without a unique property, a retry after a lost answer can log a call twice.',
        };
  },
};

const missingScopes: Proof<HubSpotClient> = {
  name: 'scopes-by-address',
  question: 'Does a scope that the token lacks refuse only the requests that need it?',
  creates: 'nothing',
  run: async (client, tools) => {
    const { session } = new Sandbox(client, tools);
    const answers: string[] = [];
    const refused: number[] = [];
    const permissions = Object.values(PERMISSIONS);
    for (const permission of permissions) {
      const { refusal } = await outcomeOf(() => permission.probe(session));
      // A write to a record that cannot exist is allowed, and finds nothing.
      answers.push(`${permission.purpose}: ${refusal === null ? 'allowed' : refusal.text}`);
      if (refusal?.failure.answer.status === 403) {
        refused.push(refusal.failure.answer.status);
      }
    }
    const answer = answers.join('; ');
    if (refused.length === 0) {
      return {
        answer,
        verdict: 'unknown',
        means: 'The token has every scope. Ask again with a token without crm.objects.owners.read.',
      };
    }
    return refused.length < permissions.length
      ? { answer, verdict: 'as_assumed', means: 'Only the steps that need a missing scope wait for it.' }
      : { answer, verdict: 'differs', means: 'The token has none of the scopes: no HubSpot step works.' };
  },
};

/** What no page of HubSpot's says and the bridge depends on. */
export const hubspotProofs: readonly Proof<HubSpotClient>[] = [
  uniquePropertyProof('calls'),
  uniquePropertyProof('tasks'),
  uniquePropertyProof('contacts'),
  batchProof,
  searchableDigits,
  missedStatus,
  externalId,
  missingScopes,
];

/** Looks again until there is a value, for a minute at most. */
async function awaited(signal: AbortSignal, look: () => Promise<string | null>): Promise<string | null> {
  for (let time = 1; ; time += 1) {
    const value = await look();
    if ((value !== null && value !== '') || time === LOOK_TIMES) {
      return value === '' ? null : value;
    }
    await delay(LOOK_EVERY_MS, undefined, { signal });
  }
}
