import type { Logger } from 'pino';
import { Gauge, type Registry } from 'prom-client';
import { createAdmin, type PartState } from '../admin/server';
import { findAction } from '../connectors/registry';
import { OwnNumbers } from '../events/own-numbers';
import { InboxReader } from '../inbox/archive/reader';
import { Inbox } from '../inbox/inbox';
import { Ingest } from '../ingest/ingest';
import { createAdminToken, publishApi } from '../operations/api-access';
import { watchJobs } from '../operations/metrics';
import { Operations } from '../operations/operations';
import { operationRoutes } from '../operations/routes';
import { webhookRoutes } from '../operations/webhook/routes';
import { ReceiverMetrics } from '../receiver/metrics';
import { createReceiver } from '../receiver/server';
import { warmUpConditions } from '../rules/language/warm-up';
import type { LiveRules } from '../rules/live-rules';
import type { ReceiverSettings, Settings } from '../settings/settings';
import { startAlerts, type ElsewhereKnown } from './alerts';
import { startReceiverBackfill } from './backfill';
import type { Question } from './child/messages';
import { connectionRoutes } from './connections-api';
import type { Mode } from './processes';
import { inboxPart, rulesPart } from './readiness';
import { refreshOwnNumbers } from './refresh-own-numbers';
import { forgetResults } from '../worker/effect-memory';
import { createService, type Service } from './service';
import { receiverDesk } from './webhook-desk';

/** Bodies that the quarantine holds at most. */
const QUARANTINE_COUNT = 10_000;

/** A receiver that takes events. */
export interface ReceiverService extends Service {
  /** `http://127.0.0.1:5000/voipbin/webhook` */
  webhookUrl: string;
  /** `http://127.0.0.1:5001` */
  adminUrl: string;
  /** Whether nothing had ever been received when it started. */
  wasEmpty: boolean;
}

/** What {@link startReceiver} needs. */
export interface ReceiverOptions {
  settings: Settings;
  /** The settings file that was named; null for the default. The process that sends alerts reads it again. */
  configFile: string | null;
  rules: LiveRules;
  log: Logger;
  /** What alerts need to know of other processes. */
  elsewhere: ElsewhereKnown;
  /** Gets the receiver's metrics, and is what /metrics shows. Once per registry. */
  registry: Registry;
  /** Called when the inbox has new events with a plan. */
  onPending: () => void;
  /** The state of the other parts of the bridge, for /readyz. */
  parts: () => Record<string, PartState>;
  /** The API of VoIPBIN's stand-in in another process; null while none runs. */
  voipbinStandIn?: () => string | null | undefined;
  /** Metrics of another process in Prometheus' text form, with names that the registry has not. */
  moreMetrics?: () => string;
  mode: Exclude<Mode, 'worker'>;
  /** Asks the process that works with Temporal. @throws Error that says why there is no answer. */
  ask: (question: Question) => Promise<unknown>;
  /**
   * Stops what depends on the receiver. Called once, when the receiver begins to stop. The inbox and the admin port
   * close after it.
   */
  stopDependents: () => Promise<void>;
}

/**
 * Starts the receiver: webhook, inbox, backfill, admin port. It does not end by itself.
 *
 * Its stop takes no new events, answers those it has within ten seconds, and closes the inbox last. /readyz is 503 from
 * its first moment.
 *
 * @throws PortTaken, DataFolderInUse, InboxUnavailable.
 */
export async function startReceiver(options: ReceiverOptions): Promise<ReceiverService> {
  const { settings, rules, registry, log } = options;
  const metrics = new ReceiverMetrics(registry);
  const inbox = await openInbox(options, metrics);
  metrics.watch(inbox);
  watchRules(registry, rules);
  const { newestEventAt, wasEmpty } = contentOf(settings.dataDir);
  const ownNumbers = new OwnNumbers(settings.numbers, settings.country);
  inbox.ownNumbers().forEach((number) => ownNumbers.learn(number));
  const stopRefreshing = await refreshOwnNumbers(ownNumbers, settings, log);
  const ingest = new Ingest({
    inbox,
    ruleSet: () => rules.ruleSet,
    ownNumbers,
    onRuleFailed: (rule) => metrics.ruleFailed(rule),
    log,
  });
  warmUpConditions();
  const webhook = await createReceiver({
    settings: webhookSettings(settings.receiver),
    ingest,
    metrics,
    log,
  });
  const operations = new Operations({
    dataDir: settings.dataDir,
    ruleSet: () => rules.ruleSet,
    unitOf: (action) => findAction(action)?.action.unit ?? null,
    forgetAfterMs: settings.retention.maxAgeMs,
    country: settings.country,
    inbox,
    ingest,
    forgetResults: (keys) => forgetResults(settings.dataDir, keys),
  });
  watchJobs(registry, () => operations.jobsLeft());
  rules.onTaken((ruleSet) =>
    operations.record('the bridge', 'rules.reload', { ruleset: ruleSet.hash }, ruleSet.rules.length),
  );
  const backfill = await startReceiverBackfill({ settings, ingest, registry, newestEventAt, log });
  const alerts = startAlerts({
    settings,
    configFile: options.configFile,
    rules,
    inbox,
    elsewhere: options.elsewhere,
    refusedSignatures: () => metrics.refusedSignatures(),
    registry,
    record: (who, operation, detail) => operations.record(who, operation, detail, null),
    log,
  });
  const archive = InboxReader.open(settings.dataDir);
  const desk = receiverDesk({
    settings,
    rules: () => rules.ruleSet.rules,
    metrics,
    inbox: archive,
    record: (who, operation, detail) => operations.record(who, operation, detail, null),
    standIn: options.voipbinStandIn ?? (() => null),
  });
  const token = createAdminToken();
  const admin = createAdmin({
    host: settings.receiver.adminHost,
    allowedHosts: settings.receiver.adminAllowedHosts,
    port: settings.receiver.adminPort,
    registry: {
      contentType: registry.contentType,
      metrics: async () => `${await registry.metrics()}${options.moreMetrics?.() ?? ''}`,
    },
    ready: () => inbox.problem() === null,
    parts: () => ({
      inbox: inboxPart(inbox),
      backfill: backfill.state(),
      rules: rulesPart(rules),
      ...options.parts(),
    }),
    api: {
      routes: [
        ...operationRoutes(operations),
        ...alerts.routes,
        ...webhookRoutes(desk),
        ...connectionRoutes({
          mode: options.mode,
          ask: options.ask,
          rules: () => rules.ruleSet.rules.filter(({ mode }) => mode === 'live'),
          record: (who, operation, detail, count) => operations.record(who, operation, detail, count),
        }),
      ],
      token,
    },
  });
  const stopIntake = async (): Promise<void> => {
    stopRefreshing();
    await Promise.all([webhook.close(), backfill.stop()]);
  };
  try {
    const url = await webhook.listen();
    const adminUrl = await admin.listen();
    publishApi(settings.dataDir, adminUrl, token);
    const stop = async (): Promise<void> => {
      admin.stopping();
      await Promise.all([stopIntake(), options.stopDependents()]);
      await admin.close();
      alerts.stop();
      operations.close();
      archive.close();
      await closeInbox(inbox, log);
    };
    return { ...createService(stop), webhookUrl: `${url}/voipbin/webhook`, adminUrl, wasEmpty };
  } catch (error) {
    await stopIntake();
    alerts.stop();
    operations.close();
    archive.close();
    await inbox.close();
    throw error;
  }
}

function openInbox({ settings, log, onPending }: ReceiverOptions, metrics: ReceiverMetrics): Promise<Inbox> {
  const { maxAgeMs, maxBytes, quarantineMaxBytes } = settings.retention;
  return Inbox.open({
    dataDir: settings.dataDir,
    log,
    retention: { maxAgeMs, maxBytes, quarantine: { count: QUARANTINE_COUNT, bytes: quarantineMaxBytes } },
    onCommit: (entries, tookMs) => metrics.committed(entries, tookMs),
    onProblem: (code) => metrics.storeFailed(code),
    onPending,
  });
}

async function closeInbox(inbox: Inbox, log: Logger): Promise<void> {
  if (!(await inbox.close())) {
    log.error(
      {},
      'the disk still does not answer; the bridge ends without waiting for it. No event that was acknowledged is lost',
    );
    // Node cannot exit while a thread hangs in a system call.
    process.kill(process.pid, 'SIGKILL');
  }
}

function contentOf(dataDir: string): { newestEventAt: Date | null; wasEmpty: boolean } {
  const reader = InboxReader.open(dataDir);
  try {
    const newestEventAt = reader.newestAt();
    return { newestEventAt, wasEmpty: newestEventAt === null && reader.listQuarantine({ limit: 1 }).length === 0 };
  } finally {
    reader.close();
  }
}

function watchRules(registry: Registry, rules: LiveRules): void {
  const inForce: Gauge<'ruleset'> = new Gauge({
    name: 'bridge_rules_info',
    help: '1; the hash of the rule set in force is in the label.',
    labelNames: ['ruleset'],
    registers: [registry],
    collect: () => {
      inForce.reset();
      inForce.set({ ruleset: rules.ruleSet.hash }, 1);
    },
  });
  const refused: Gauge = new Gauge({
    name: 'bridge_rules_refused',
    help: '1 while the rule files have errors and the previous rules stay in force.',
    registers: [registry],
    collect: () => refused.set(rules.problem() === null ? 0 : 1),
  });
}

function webhookSettings(receiver: ReceiverSettings): Parameters<typeof createReceiver>[0]['settings'] {
  const { host, port, tls } = receiver;
  return {
    host,
    port,
    secrets: receiver.webhookSecrets,
    allow: receiver.ipAllow,
    trustProxy: receiver.trustProxy,
    tls: tls ?? null,
    noisePerMinute: receiver.unauthenticatedPerMinute,
  };
}
