import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import { ApiError } from '../admin/api';
import { replaceReports, workflowIdOf, type LaterRunsReader } from '../dispatch/later-runs';
import type { JsonValue } from '../events/json';
import { readPhone, toE164 } from '../events/phone';
import type { InboxReader } from '../inbox/archive/reader';
import type { Inbox } from '../inbox/inbox';
import { actionKey } from '../runs/names';
import { FORGOTTEN_CONTENT_TYPE, type StoredEvent } from '../inbox/stored-event';
import { historyOf, type EventHistory, type Records } from './event-history';

/** Whose data is removed: a phone number's, or everything that came before a time. */
export const forgetRequest = z.union([
  z.strictObject({ number: z.string().min(1).max(40) }),
  z.strictObject({ before: z.iso.datetime({ offset: true }) }),
]);

/** What was removed, or would be, and who else has it. */
export interface Forgotten {
  /** Events whose content is removed. */
  events: number;
  /** Quarantined requests that are deleted. */
  quarantined: number;
  /** Events whose run has not ended: run the command again when it has. */
  postponed: number;
  /** Runs that Temporal keeps until the retention of its namespace is over. */
  runs_at_temporal: number;
  /** Steps that left something at a provider, by connection: the bridge cannot remove it there. */
  at_providers: Record<string, number>;
}

/** What {@link forget} needs. */
export interface ForgetTools {
  dataDir: string;
  country: string | null;
  records: Records & {
    inbox: Pick<InboxReader, 'search' | 'searchQuarantine' | 'getQuarantined'>;
    laterRuns: Pick<LaterRunsReader, 'of'>;
  };
  inbox: Pick<Inbox, 'forget' | 'release'>;
  /** Removes results that the workers of this machine remember, by action key. */
  forgetResults: (keys: readonly string[]) => void;
}

/**
 * Removes a person's data, or all old data, from the data folder: the content of events, results in reports, requests in
 * quarantine. Event ids, types and times stay, so that duplicates are still recognised.
 *
 * Safe to repeat: a run that was cut off is completed by the next one. Not found: a number that is written into a free
 * text with spaces or dashes.
 *
 * @throws ApiError for a number that is none.
 */
export async function forget(tools: ForgetTools, input: unknown, isDry: boolean): Promise<Forgotten> {
  const wanted = wantedOf(input, tools.country);
  const { search } = wanted;
  const result: Forgotten = { events: 0, quarantined: 0, postponed: 0, runs_at_temporal: 0, at_providers: {} };
  for (let seq: number | null = 0; seq !== null;) {
    const { found, next }: ReturnType<InboxReader['search']> = tools.records.inbox.search(seq, search);
    for (const eventId of found) {
      const history = historyOf(tools.records, eventId);
      if (
        history !== null &&
        history.stored.content_type !== FORGOTTEN_CONTENT_TYPE &&
        wanted.isMeant(history.stored.event)
      ) {
        await forgetEvent(tools, history, result, isDry);
      }
    }
    seq = next;
    // The receiver answers in between.
    await nextTurn();
  }
  for (const id of tools.records.inbox.searchQuarantine(search)) {
    // The search is for the national digits, which another country's number can have too.
    const body = tools.records.inbox.getQuarantined(id)?.body.toString() ?? '';
    if (!wanted.isMeantIn(body)) {
      continue;
    }
    result.quarantined += 1;
    if (!isDry) {
      await tools.inbox.release(id);
    }
  }
  return result;
}

async function forgetEvent(
  tools: ForgetTools,
  history: EventHistory,
  result: Forgotten,
  isDry: boolean,
): Promise<void> {
  const { stored, runs } = history;
  const { event_id } = stored.event;
  const isOpen = (stored.plan !== null && runs.length === 0) || runs.some(({ outcome }) => outcome === null);
  if (isOpen) {
    result.postponed += 1;
    return;
  }
  result.events += 1;
  result.runs_at_temporal += runs.length;
  const keys: string[] = [];
  for (const run of runs) {
    for (const rule of run.rules ?? []) {
      for (const step of rule.steps) {
        keys.push(
          actionKey(event_id, rule.rule, step.step),
          actionKey(workflowIdOf({ event_id, number: run.number }), rule.rule, step.step),
        );
        if (step.outcome === 'done') {
          const connection = step.action.split('.')[0] ?? '';
          result.at_providers[connection] = (result.at_providers[connection] ?? 0) + 1;
        }
      }
    }
  }
  if (!isDry) {
    tools.forgetResults(keys);
    replaceReports(tools.dataDir, event_id, withoutResults);
    // Last: what finds the event is removed with it.
    await tools.inbox.forget(stored.event, stored.ruleset);
  }
}

/** What of a report is of the person, and what it becomes. */
const FORGOTTEN: Readonly<Record<string, JsonValue>> = { result: {}, saved: null, calls: {} };

/** A report without what its steps returned and what its run looked up. */
function withoutResults(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(withoutResults);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      Object.hasOwn(FORGOTTEN, name) ? FORGOTTEN[name] : withoutResults(member),
    ]),
  );
}

/** What is searched for in the inbox, and whether an event that was found is really meant. */
interface Wanted {
  search: { text: string } | { before: Date };
  isMeant: (event: StoredEvent['event']) => boolean;
  /** The same for a request that is no event: by its text alone. */
  isMeantIn: (body: string) => boolean;
}

function wantedOf(input: unknown, country: string | null): Wanted {
  const request = forgetRequest.safeParse(input);
  if (!request.success) {
    throw new ApiError(400, 'wrong_request', 'give a phone number, or a time before which everything is removed');
  }
  if ('before' in request.data) {
    return { search: { before: new Date(request.data.before) }, isMeant: () => true, isMeantIn: () => true };
  }
  const phone = readPhone(request.data.number, country);
  if (phone === null) {
    throw new ApiError(
      400,
      'no_phone_number',
      'that is no phone number; write it with its country code, such as +15551234567',
    );
  }
  const { number, nationalNumber, country: ownCountry = country } = phone;
  // A text may have it as people of its own country write it, or of ours.
  const isIt = (text: string): boolean => toE164(text, country) === number || toE164(text, ownCountry) === number;
  const digits = number.slice(1);
  // Networks write some numbers with other digits before the national part (+52 1 ...).
  return {
    search: { text: nationalNumber },
    isMeantIn: (body) => body.includes(digits),
    isMeant: ({ peer, ours, data }) =>
      peer?.number === number ||
      ours?.number === number ||
      textsIn(data).some((text) => text.replace(/\D/g, '').includes(digits) || isIt(text)),
  };
}

/** Texts, numbers and names of members: each can be a phone number. */
function textsIn(value: JsonValue): string[] {
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value)
      ? value.flatMap(textsIn)
      : Object.entries(value).flatMap(([name, member]) => [name, ...textsIn(member)]);
  }
  return value === null ? [] : [String(value)];
}
