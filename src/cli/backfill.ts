import { Command } from 'commander';
import type { Registry } from 'prom-client';
import { startBackfill, type RunningBackfill } from '../backfill/backfill';
import { missedSince, type MissedPage } from '../backfill/find-missed';
import type { Logger } from 'pino';
import { BACKFILL_CONTENT_TYPE } from '../ingest/trusted-body';
import type { Ingest } from '../ingest/ingest';
import { BackfillMetrics } from '../backfill/metrics';
import { BackfillReport, shown } from '../backfill/report';
import { ActionError } from '../connectors/action-error';
import type { Connector } from '../connectors/connector';
import { VoipbinClient } from '../connectors/voipbin/client';
import { voipbin } from '../connectors/voipbin/connector';
import { OwnNumbers } from '../events/own-numbers';
import { InboxReader } from '../inbox/archive/reader';
import type { EventRules, MatchedEvent } from '../ingest/match-event';
import { signatureOf } from '../receiver/verified-request';
import type { ReceiverSettings, Settings } from '../settings/settings';
import { Refused, WrongUse } from '../errors/operator-errors';
import { readSettings } from './read-settings';
import { readRules } from './rules';
import { webhookUrl } from '../samples/send-event';
import { parseSince } from './since';

const ANSWER_WITHIN_MS = 10_000;
/** Events that are handed to the running bridge at once. */
const AT_ONCE = 5;
/** Ids that the text shows; `--json` has them all. */
const MOST_SHOWN = 50;
/** Events that one command deals with. */
const MOST_EVENTS = 20_000;

interface Options {
  since: string;
  dryRun?: true;
  force?: true;
  url?: string;
  json?: true;
}

/** One event that was missed. */
interface Row {
  event_id: string;
  type: string;
  occurred_at: string;
  /** What became of it; `missing` in a dry run. */
  status: string;
  /** Rules that want it, as far as can be told; null when the rule files have errors. */
  rules: string[] | null;
}

/** `bridge backfill`: what VoIPBIN knows and no webhook brought. */
export function backfillCommand(): Command {
  return new Command('backfill')
    .description('ask VoIPBIN what happened and no webhook brought, and have the running bridge take it')
    .requiredOption('--since <time>', 'how far back: 2h, 3d, or a time such as 2026-03-02T01:00:00Z')
    .option('--dry-run', 'only show what is missing, and which rules would want it')
    .option('--force', 'also where the inbox may have forgotten what came, so that it could be done again')
    .option('--url <url>', "the running bridge's webhook (default: this machine's)")
    .option('--json', 'print JSON')
    .action(async (options: Options, command: Command) => {
      const settings = readSettings(command);
      const now = new Date();
      const since = readSince(options.since, now, settings.retention.maxAgeMs);
      const client = voipbinClient(settings);
      if (client === null) {
        throw new WrongUse('there is no access key for VoIPBIN, so it cannot be asked: set VOIPBIN_ACCESS_KEY');
      }
      try {
        await backfill({ settings, client, since, now, options });
      } finally {
        await client.close();
      }
    });
}

/**
 * Backfill by itself, beside a receiver: what `bridge backfill` does by hand. Off, which is said once, where the
 * settings say so or VoIPBIN cannot be asked.
 * @param newestEventAt when the newest event came that the inbox had at the start; null for an empty one.
 */
export function startBackfillBeside(receiver: {
  ingest: Ingest;
  settings: Pick<Settings, 'dataDir' | 'connections'>;
  backfill: { enabled: boolean; everyMs: number; longestGapMs: number };
  registry: Registry;
  newestEventAt: Date | null;
  log: Logger;
}): RunningBackfill {
  const { settings, log, newestEventAt } = receiver;
  const { enabled, ...timings } = receiver.backfill;
  const client = enabled ? voipbinClient(settings) : null;
  if (client === null) {
    const why = enabled
      ? 'there is no access key for VoIPBIN (VOIPBIN_ACCESS_KEY)'
      : 'the settings say so (backfill.enabled)';
    log.info({}, `events that no webhook brings are not looked for: ${why}`);
    return { state: () => ({ ok: true, detail: `off: ${why}` }), stop: () => Promise.resolve() };
  }
  const running = startBackfill({
    dataDir: settings.dataDir,
    client,
    ingest: receiver.ingest,
    log,
    metrics: new BackfillMetrics(receiver.registry),
    newestEventAt,
    timings,
  });
  return {
    state: () => running.state(),
    stop: async () => {
      await running.stop();
      await client.close();
    },
  };
}

/**
 * A client of the VoIPBIN account in the settings; null when there is no access key. The caller closes it.
 */
export function voipbinClient(settings: Pick<Settings, 'connections'>): VoipbinClient | null {
  const configured = settings.connections[voipbin.name]?.settings ?? null;
  if (configured === null) {
    return null;
  }
  const connector: Connector = voipbin;
  const client = connector.connection.open(configured);
  if (!(client instanceof VoipbinClient)) {
    throw new TypeError('the voipbin connector made another client');
  }
  return client;
}

/**
 * Reads `--since`.
 * @throws WrongUse when it is neither a duration nor a time of the past, or goes further back than the inbox remembers.
 */
function readSince(text: string, now: Date, retentionMs: number): Date {
  const since = parseSince(text, now);
  if (since.getTime() < now.getTime() - retentionMs) {
    throw new WrongUse(
      `--since ${text} goes further back than the inbox remembers (retention.max_age): what came then could not be told from what was missed`,
    );
  }
  return since;
}

async function backfill(work: {
  settings: Settings;
  client: VoipbinClient;
  since: Date;
  now: Date;
  options: Options;
}): Promise<void> {
  const { settings, client, since, options } = work;
  const url = options.url ?? webhookUrl(settings.receiver);
  const reader = InboxReader.open(settings.dataDir);
  try {
    const forgotten = forgottenBefore(reader, since);
    if (options.dryRun !== true) {
      if (forgotten !== null && options.force !== true) {
        throw new Refused(
          `the inbox no longer knows what came before ${shown(forgotten)}, so that events of then could be done again: ask --since that time, or use --force`,
        );
      }
      await expectBridge(url);
    }
    const ownNumbers = new OwnNumbers([...settings.numbers, ...reader.ownNumbers()], settings.country);
    const rules = rulesOf(settings);
    const pages = missedSince({
      client,
      reader,
      since,
      ownNumbers,
      rules: rules ?? NO_RULES,
      now: () => new Date(),
      signal: new AbortController().signal,
    });
    const take =
      options.dryRun === true
        ? () => Promise.resolve('missing')
        : (event: MatchedEvent) => post(event, url, settings.receiver);
    show(await goThrough(pages, take, rules !== null), { since, until: work.now, forgotten, options });
  } catch (error) {
    if (error instanceof ActionError) {
      throw new Refused(
        `VoIPBIN could not be asked: ${error.message}.${error.detail.remedy === undefined ? '' : ` ${error.detail.remedy}`}`,
      );
    }
    throw error;
  } finally {
    reader.close();
  }
}

/** When what the inbox still knows begins, if it has dropped events and that is after `since`; else null. */
function forgottenBefore(reader: InboxReader, since: Date): Date | null {
  const oldest = reader.iterate({ since: new Date(0) }).next();
  if (oldest.done === true || oldest.value.seq <= 1) {
    return null;
  }
  const at = new Date(oldest.value.event.received_at);
  return at > since ? at : null;
}

const NO_RULES: EventRules = { hash: '000000000000', plan: () => null };

/** The rules as the files have them; null when they have errors. */
function rulesOf(settings: Settings): EventRules | null {
  const rules = readRules(settings.rulesFile);
  return rules.ok ? rules.ruleSet : null;
}

interface Outcome {
  rows: Row[];
  present: number;
  unreadable: number;
  /** Whether all was read that was asked for. */
  complete: boolean;
}

async function goThrough(
  pages: AsyncIterable<MissedPage>,
  take: (event: MatchedEvent) => Promise<string>,
  rulesKnown: boolean,
): Promise<Outcome> {
  const outcome: Outcome = { rows: [], present: 0, unreadable: 0, complete: true };
  for await (const page of pages) {
    outcome.present += page.present;
    outcome.unreadable += page.unreadable;
    outcome.complete &&= !page.cutShort;
    for (let at = 0; at < page.missed.length; at += AT_ONCE) {
      const batch = page.missed.slice(at, at + AT_ONCE);
      const statuses = await Promise.all(batch.map(take));
      outcome.rows.push(...batch.map((event, index) => rowOf(event, statuses[index] ?? 'missing', rulesKnown)));
    }
    if (outcome.rows.length >= MOST_EVENTS) {
      outcome.complete = false;
      break;
    }
  }
  return outcome;
}

function rowOf({ event, plan }: MatchedEvent, status: string, rulesKnown: boolean): Row {
  return {
    event_id: event.event_id,
    type: event.type,
    occurred_at: event.occurred_at,
    status,
    rules: rulesKnown ? (plan?.rules ?? []).map(({ name }) => name) : null,
  };
}

/** @throws Refused when no bridge answers there: the inbox has one writer, and it is the running bridge. */
async function expectBridge(url: string): Promise<void> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    await answer.text();
    if (answer.status === 200) {
      return;
    }
    throw new Refused(
      `${url} answers ${answer.status}, which is not how the bridge's webhook answers${answer.status === 403 ? ' this machine (receiver.ip_allow): allow 127.0.0.1' : ''}`,
    );
  } catch (error) {
    throw error instanceof Refused
      ? error
      : new Refused(`no bridge answers at ${url}: start it (npm start) and try again; --dry-run works without it`);
  }
}

/**
 * Hands an event to the running bridge through its webhook, signed, marked as found by backfill.
 * @returns `received`, `ignored` or `duplicate`.
 * @throws Refused when the bridge does not take it.
 */
async function post({ body }: MatchedEvent, url: string, receiver: ReceiverSettings): Promise<string> {
  const secret = receiver.webhookSecrets[0];
  const again = 'Run the command again later: what was taken is not taken twice';
  let answer: Response;
  try {
    answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': BACKFILL_CONTENT_TYPE,
        ...(secret === undefined ? {} : { 'x-voipbin-signature': signatureOf(body, secret) }),
      },
      body: new Uint8Array(body),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
  } catch {
    throw new Refused(`the bridge at ${url} no longer answers. ${again}`);
  }
  const text = await answer.text();
  const status = answer.status === 200 ? /"status":"(received|ignored|duplicate)"/.exec(text)?.[1] : undefined;
  if (status === undefined) {
    const why =
      answer.status === 401
        ? 'it has another webhook secret than these settings'
        : answer.status >= 500
          ? 'it cannot keep events at present, see /readyz'
          : 'it takes no such event';
    throw new Refused(`the bridge at ${url} answered ${answer.status}: ${why}. ${again}`);
  }
  return status;
}

function show(
  found: Outcome,
  { since, until, forgotten, options }: { since: Date; until: Date; forgotten: Date | null; options: Options },
): void {
  const isDry = options.dryRun === true;
  const recovered = found.rows.filter(({ status }) => status !== 'duplicate');
  if (options.json === true) {
    const byType: Record<string, number> = {};
    for (const { type } of recovered) {
      byType[type] = (byType[type] ?? 0) + 1;
    }
    const result = {
      since: since.toISOString(),
      until: until.toISOString(),
      dry_run: isDry,
      complete: found.complete,
      present: found.present,
      unreadable: found.unreadable,
      [isDry ? 'missing' : 'recovered']: recovered.length,
      by_type: byType,
      events: found.rows,
    };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  const report = new BackfillReport();
  for (const { type, status, occurred_at } of recovered) {
    report.recovered(type, status === 'received' ? 'received' : 'ignored', Date.parse(occurred_at));
  }
  const lines = recovered
    .slice(0, MOST_SHOWN)
    .map(({ event_id, status, rules }) => `  ${status.padEnd(9)} ${event_id}${wanting(rules)}`);
  if (recovered.length > MOST_SHOWN) {
    lines.push(`  and ${recovered.length - MOST_SHOWN} more (--json shows all)`);
  }
  const span = `since ${shown(since)}`;
  const summary =
    recovered.length === 0
      ? `Nothing is missing ${span}: the inbox has all ${found.present} events that VoIPBIN tells of.`
      : isDry
        ? `${report.describe()} ${recovered.length === 1 ? 'is' : 'are'} missing ${span}; the inbox has ${found.present}.`
        : `recovered ${report.describe()}`;
  const warnings = [
    ...(found.complete ? [] : ['Not all could be read: there is too much. Run it again with a later --since.']),
    ...(found.unreadable === 0 ? [] : [`No event can be made of ${found.unreadable} of VoIPBIN's resources.`]),
    ...(forgotten === null
      ? []
      : [
          `The inbox no longer knows what came before ${shown(forgotten)}: some of these may have been dealt with then.`,
        ]),
    ...(recovered.some(({ rules }) => rules === null)
      ? ['The rule files have errors, so which rules want these cannot be told (bridge rules check).']
      : []),
  ];
  process.stdout.write(`${[...lines, summary, ...warnings].join('\n')}\n`);
}

function wanting(rules: string[] | null): string {
  return rules === null ? '' : rules.length === 0 ? '  (no rule wants it)' : `  ${rules.join(', ')}`;
}
