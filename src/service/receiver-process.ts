import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { Gauge, type Registry } from 'prom-client';
import { OwnNumbers } from '../events/own-numbers';
import { Inbox } from '../inbox/inbox';
import { InboxReader } from '../inbox/archive/reader';
import { createAdmin, type PartState } from '../admin/server';
import { Ingest } from '../ingest/ingest';
import { ReceiverMetrics } from '../receiver/metrics';
import { createReceiver } from '../receiver/server';
import type { EventRules } from '../ingest/match-event';
import type { LiveRules } from '../rules/live-rules';
import { Secret } from '../settings/secret';
import type { Settings } from '../settings/settings';
import { startBackfillBeside } from '../cli/backfill';
import { refreshOurNumbers } from './refresh-own-numbers';

/** Bodies that the quarantine holds at most. */
const QUARANTINE_COUNT = 10_000;

/** What is printed of the webhook at a start. */
export function webhookLine(webhook: string, { receiver }: Settings): string {
  const isOpen = receiver.webhookSecrets.length === 0 && receiver.ipAllow.length === 0;
  return `Webhook   ${webhook}${isOpen ? '   (no VOIPBIN_WEBHOOK_SECRET is set: whoever can reach it can send events)' : ''}`;
}

/** The receiver, taking events. */
export interface RunningReceiver {
  /** `http://127.0.0.1:5000/voipbin/webhook` */
  webhook: string;
  /** `http://127.0.0.1:5001` */
  admin: string;
  /** Whether nothing had ever been received when it started. */
  wasEmpty: boolean;
  /** Takes no more events and answers those it has, within ten seconds. /readyz is 503 from the first moment. */
  stop(): Promise<void>;
  /** Closes the inbox and the admin port, once nothing needs them any more. */
  close(): Promise<void>;
}

/**
 * Starts the receiver: HTTP door, inbox, admin port.
 *
 * @param onPending events with something to do can be read in the inbox.
 * @param registry gets the receiver's metrics, and is what /metrics shows. Once per registry.
 * @param parts the state of what is not the receiver's own, for /readyz.
 * @param moreMetrics metrics of another process, in Prometheus' text form; none of a name that the registry has.
 * @throws PortTaken, DataFolderInUse, InboxUnavailable.
 */
export async function startReceiver(options: {
  settings: Settings;
  registry: Registry;
  ruleSet: () => EventRules;
  log: Logger;
  onPending: () => void;
  parts: () => Record<string, PartState>;
  moreMetrics?: () => string;
}): Promise<RunningReceiver> {
  const { settings, registry, log } = options;
  const { receiver, retention } = settings;
  const metrics = new ReceiverMetrics(registry);
  const inbox = await Inbox.open({
    dataDir: settings.dataDir,
    log,
    retention: {
      maxAgeMs: retention.maxAgeMs,
      maxBytes: retention.maxBytes,
      quarantine: { count: QUARANTINE_COUNT, bytes: retention.quarantineMaxBytes },
    },
    onCommit: (entries, tookMs) => metrics.committed(entries, tookMs),
    onProblem: (code) => metrics.storeFailed(code),
    onPending: options.onPending,
  });
  metrics.watch(inbox);
  const inForce: Gauge<'ruleset'> = new Gauge({
    name: 'bridge_rules_info',
    help: '1; the hash of the rule set in force is in the label.',
    labelNames: ['ruleset'],
    registers: [registry],
    collect: () => {
      inForce.reset();
      inForce.set({ ruleset: options.ruleSet().hash }, 1);
    },
  });
  const refused: Gauge = new Gauge({
    name: 'bridge_rules_refused',
    help: '1 while the rule files as they are have errors, and earlier rules are in force.',
    registers: [registry],
    collect: () => refused.set(options.parts()['rules']?.ok === false ? 1 : 0),
  });
  const reader = InboxReader.open(settings.dataDir);
  const newestEventAt = reader.newestAt();
  const wasEmpty = newestEventAt === null && reader.listQuarantine({ limit: 1 }).length === 0;
  reader.close();
  const ownNumbers = new OwnNumbers(settings.numbers, settings.country);
  for (const number of inbox.ownNumbers()) {
    ownNumbers.learn(number);
  }
  const stopRefreshing = refreshOurNumbers(ownNumbers, settings, log);
  const ingest = new Ingest({ inbox, ruleSet: options.ruleSet, ownNumbers, log });
  const door = await createReceiver({
    settings: {
      host: receiver.host,
      port: receiver.port,
      secrets: receiver.webhookSecrets,
      allow: receiver.ipAllow,
      trustProxy: receiver.trustProxy,
      tls:
        receiver.tls === undefined
          ? null
          : {
              cert: readFileSync(receiver.tls.certFile, 'utf8'),
              key: new Secret(readFileSync(receiver.tls.keyFile, 'utf8')),
            },
      noisePerMinute: receiver.unauthenticatedPerMinute,
    },
    ingest,
    metrics,
    log,
  });
  const backfill = startBackfillBeside({
    settings,
    backfill: settings.backfill,
    ingest,
    registry,
    newestEventAt,
    log,
  });
  const admin = createAdmin({
    host: receiver.adminHost,
    port: receiver.adminPort,
    registry: {
      contentType: registry.contentType,
      metrics: async () => `${await registry.metrics()}${options.moreMetrics?.() ?? ''}`,
    },
    ready: () => inbox.problem() === null,
    parts: () => ({ inbox: inboxPart(inbox), backfill: backfill.state(), ...options.parts() }),
  });
  try {
    const url = await door.listen();
    const adminUrl = await admin.listen();
    return {
      webhook: `${url}/voipbin/webhook`,
      admin: adminUrl,
      wasEmpty,
      stop: async () => {
        admin.stopping();
        stopRefreshing();
        await Promise.all([door.close(), backfill.stop()]);
      },
      close: async () => {
        await admin.close();
        if (!(await inbox.close())) {
          log.error(
            {},
            'the disk still does not answer; the bridge is ended without waiting for it. No event that was acknowledged is lost',
          );
          // A thread that hangs in a call of the system keeps Node from exiting in any other way.
          process.kill(process.pid, 'SIGKILL');
        }
      },
    };
  } catch (error) {
    await door.close();
    await backfill.stop();
    stopRefreshing();
    await inbox.close();
    throw error;
  }
}

/** The state of the rules, for /readyz. */
export function rulesPart(rules: LiveRules): PartState {
  const problem = rules.problem();
  return problem === null ? { ok: true, detail: `rule set ${rules.ruleSet.hash}` } : { ok: false, detail: problem };
}

function inboxPart(inbox: Inbox): PartState {
  const problem = inbox.problem();
  if (problem !== null) {
    return { ok: false, detail: `${problem.code} since ${problem.since.toISOString()}: ${problem.message}` };
  }
  const { depth, oldestAgeMs } = inbox.backlog();
  return {
    ok: true,
    detail:
      depth === 0
        ? 'no event waits'
        : `${depth} events wait to be started, the oldest for ${Math.round(oldestAgeMs / 1_000)} s`,
  };
}
