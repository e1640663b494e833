import { withoutBrackets } from '../net/address';
import { requestOnce } from '../net/request-once';
import { findMissed, type MissedPage } from '../backfill/find-missed';
import { shown } from '../backfill/report';
import { ActionError } from '../connectors/action-error';
import type { VoipbinClient } from '../connectors/voipbin/client';
import { OperationFailed, WrongUse } from '../errors/operator-errors';
import { OwnNumbers } from '../events/own-numbers';
import { InboxReader } from '../inbox/archive/reader';
import { BACKFILL_CONTENT_TYPE } from '../ingest/trusted-body';
import type { EventRules, MatchedEvent } from '../ingest/match-event';
import { postBody, webhookUrl } from '../samples/send-event';
import type { ReceiverSettings, Settings } from '../settings/settings';
import { readRules } from './rules-in-force';
import { openVoipbinClient } from './voipbin-client';

const ANSWER_WITHIN_MS = 10_000;
/** Events that are handed to the running bridge at a time. */
const CONCURRENCY = 5;
/** Events that one call recovers. */
const MOST_EVENTS = 20_000;
const NO_RULES: EventRules = { hash: '000000000000', plan: () => null };

/** An event that the inbox did not have. The names are the JSON keys of `backfill --json`. */
export interface MissedEvent {
  event_id: string;
  type: string;
  occurred_at: string;
  /** The webhook's answer: `received`, `ignored` or `duplicate`; `missing` in a dry run. */
  status: string;
  /** The rules that match it; null when the rule files have errors. */
  rules: string[] | null;
}

/** What a comparison of VoIPBIN's lists with the inbox found. */
export interface Recovery {
  missed: MissedEvent[];
  /** Events that the inbox has. */
  present: number;
  /** VoIPBIN's resources that are not readable as an event. */
  unreadable: number;
  /** Whether all lists were read to their end. */
  isComplete: boolean;
  /** When the inbox' memory begins, if that is after `since`; else null. */
  forgottenBefore: Date | null;
}

/** What {@link recoverMissed} is asked for. */
export interface RecoveryOptions {
  settings: Settings;
  since: Date;
  /** Only find what is missing, and change nothing. It needs no running bridge. */
  dryRun: boolean;
  /** Also recover events of a time that the inbox has forgotten. */
  force: boolean;
  /** The running bridge's webhook; null for this machine's. */
  url: string | null;
}

/**
 * Reads VoIPBIN's lists back to `since` and hands every event that the inbox does not have to the running bridge,
 * through its webhook: the inbox has one writer, and that is the running bridge. Events may be handed over twice; the
 * bridge answers `duplicate` then.
 *
 * @throws WrongUse without an access key, OperationFailed when VoIPBIN or the bridge does not do its part.
 */
export async function recoverMissed(options: RecoveryOptions): Promise<Recovery> {
  const client = await openVoipbinClient(options.settings);
  if (client === null) {
    throw new WrongUse('there is no access key for VoIPBIN, so the bridge cannot ask it: set VOIPBIN_ACCESS_KEY');
  }
  const reader = InboxReader.open(options.settings.dataDir);
  try {
    return await recover(options, client, reader);
  } catch (error) {
    if (error instanceof ActionError) {
      const { remedy } = error.detail;
      throw new OperationFailed(
        `VoIPBIN could not be asked: ${error.message}.${remedy === undefined ? '' : ` ${remedy}`}`,
      );
    }
    throw error;
  } finally {
    reader.close();
    await client.close();
  }
}

async function recover(
  { settings, since, dryRun, force, url }: RecoveryOptions,
  client: VoipbinClient,
  reader: InboxReader,
): Promise<Recovery> {
  const webhook = url ?? webhookUrl(settings.receiver);
  const forgottenBefore = memoryStart(reader, since);
  if (!dryRun) {
    if (forgottenBefore !== null && !force) {
      throw new OperationFailed(
        `the inbox has forgotten the events before ${shown(forgottenBefore)}, so these could be handled twice: use --since with that time or a later one, or --force`,
      );
    }
    await expectBridge(webhook);
  }
  const loaded = readRules(settings.rulesFile);
  const pages = findMissed({
    client,
    reader,
    since,
    ownNumbers: new OwnNumbers([...settings.numbers, ...reader.ownNumbers()], settings.country),
    rules: loaded.ok ? loaded.ruleSet : NO_RULES,
    now: () => new Date(),
    signal: new AbortController().signal,
  });
  const take = dryRun
    ? () => Promise.resolve('missing')
    : (event: MatchedEvent) => handOver(event, webhook, settings.receiver);
  return { ...(await takeAll(pages, take, loaded.ok)), forgottenBefore };
}

async function takeAll(
  pages: AsyncIterable<MissedPage>,
  take: (event: MatchedEvent) => Promise<string>,
  hasRules: boolean,
): Promise<Omit<Recovery, 'forgottenBefore'>> {
  const recovery = { missed: new Array<MissedEvent>(), present: 0, unreadable: 0, isComplete: true };
  for await (const page of pages) {
    recovery.present += page.present;
    recovery.unreadable += page.unreadable;
    recovery.isComplete &&= !page.isTruncated;
    for (let at = 0; at < page.missed.length; at += CONCURRENCY) {
      const batch = page.missed.slice(at, at + CONCURRENCY);
      const taken = batch.map(async (event) => describe(event, await take(event), hasRules));
      recovery.missed.push(...(await Promise.all(taken)));
    }
    if (recovery.missed.length >= MOST_EVENTS) {
      recovery.isComplete = false;
      break;
    }
  }
  return recovery;
}

function describe({ event, plan }: MatchedEvent, status: string, hasRules: boolean): MissedEvent {
  return {
    event_id: event.event_id,
    type: event.type,
    occurred_at: event.occurred_at,
    status,
    rules: hasRules ? (plan?.rules ?? []).map(({ name }) => name) : null,
  };
}

/** When the inbox' memory begins, if it has dropped events and that is after `since`; else null. */
function memoryStart(reader: InboxReader, since: Date): Date | null {
  const oldest = reader.iterate({ since: new Date(0) }).next();
  if (oldest.done === true || oldest.value.seq <= 1) {
    return null;
  }
  const at = new Date(oldest.value.event.received_at);
  return at > since ? at : null;
}

/** @throws OperationFailed when no bridge answers there. */
async function expectBridge(webhook: string): Promise<void> {
  let status: number;
  try {
    ({ status } = await requestOnce(webhook, { timeoutMs: ANSWER_WITHIN_MS }));
  } catch {
    throw new OperationFailed(
      `no bridge answers at ${webhook}: start it (npm start) and try again; --dry-run works without it`,
    );
  }
  if (status !== 200) {
    throw new OperationFailed(
      `${webhook} answers ${status}, so it is not the bridge's webhook${status === 403 ? `, or receiver.ip_allow does not allow this machine: allow ${withoutBrackets(new URL(webhook).hostname)}` : ''}`,
    );
  }
}

/**
 * Hands an event to the running bridge, marked as found by backfill.
 * @returns `received`, `ignored` or `duplicate`.
 * @throws OperationFailed when the bridge does not take it.
 */
async function handOver({ body }: MatchedEvent, webhook: string, receiver: ReceiverSettings): Promise<string> {
  const again = 'Run the command again later: events that were taken are not taken twice';
  const answer = await postBody({ body, contentType: BACKFILL_CONTENT_TYPE, url: webhook, receiver }).catch(() => {
    throw new OperationFailed(`the bridge at ${webhook} no longer answers. ${again}`);
  });
  const { status, result } = answer;
  if (status === 200 && (result === 'received' || result === 'ignored' || result === 'duplicate')) {
    return result;
  }
  const reason =
    status === 401
      ? 'it has another webhook secret than these settings'
      : status >= 500
        ? 'it cannot store events at present, see /readyz'
        : 'it rejects the event';
  throw new OperationFailed(`the bridge at ${webhook} answered ${status}: ${reason}. ${again}`);
}
