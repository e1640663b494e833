import { X509Certificate } from 'node:crypto';
import { statfsSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { ApiRoute } from '../admin/api';
import { AlertBook } from '../alerts/book';
import type { KnownConnections } from '../alerts/connections';
import { HeartbeatCaller } from '../alerts/heartbeat';
import { watchAlerts } from '../alerts/metrics';
import { probesOf, type Watched } from '../alerts/probes';
import { alertRoutes } from '../alerts/routes';
import { Teller } from '../alerts/teller';
import { AlertWatch } from '../alerts/watch';
import { LaterRunsReader } from '../dispatch/later-runs';
import { RunLogReader } from '../dispatch/run-log';
import { InboxReader } from '../inbox/archive/reader';
import { connectors } from '../connectors/registry';
import { HostList } from '../net/host-list';
import type { Inbox } from '../inbox/inbox';
import type { LiveRules } from '../rules/live-rules';
import { fillReferences, markReferences } from '../rules/language/secret-references';
import type { AlertStart } from './child/messages';
import type { Settings } from '../settings/settings';

/** What the receiver's process does not know by itself. */
export type ElsewhereKnown = Omit<KnownConnections, 'routes'> &
  Pick<Watched, 'temporal' | 'worker'> & {
    /** The worker's stand-ins: `bridge stand-ins show` shows what they took. */
    standIns: () => AlertStart['standIns'];
  };

/** What {@link startAlerts} needs. */
export interface AlertsOptions {
  settings: Settings;
  configFile: string | null;
  rules: LiveRules;
  inbox: Inbox;
  elsewhere: ElsewhereKnown;
  refusedSignatures: () => number;
  /** Gets the metrics of the alerts. */
  registry: Registry;
  record: (who: string, operation: string, detail: object) => void;
  log: Logger;
}

/** Alerts and the heartbeat of a running bridge. */
export interface RunningAlerts {
  routes: ApiRoute[];
  stop(): void;
}

/** Watches the bridge, keeps the book of alerts, sends them, and calls the heartbeat. */
export function startAlerts(options: AlertsOptions): RunningAlerts {
  const { settings, rules, inbox, elsewhere, log } = options;
  const { dataDir } = settings;
  const book = new AlertBook(dataDir);
  watchAlerts(options.registry, book);
  const readers = {
    inbox: InboxReader.open(dataDir),
    runLog: new RunLogReader(dataDir),
    laterRuns: new LaterRunsReader(dataDir),
  };
  const routes = (): LiveRules['ruleSet']['alerts'] => rules.ruleSet.alerts;
  const teller = new Teller({
    book,
    routes,
    script: require.resolve('./child/alert-main'),
    argument: (): AlertStart => ({ configFile: options.configFile, standIns: elsewhere.standIns() }),
    log,
  });
  const watched: Watched = {
    ...readers,
    ...elsewhere,
    rules: () => rules.problem(),
    store: () => inbox.problem()?.message ?? null,
    oldestAgeMs: () => inbox.backlog().oldestAgeMs,
    refusedSignatures: options.refusedSignatures,
    freeDisk: () => {
      const { bavail, blocks } = statfsSync(dataDir);
      return blocks === 0 ? 1 : bavail / blocks;
    },
    certificateEnds: certificateEnds(settings),
    credentialsEnd: () => settings.credentialsEnd,
    routes,
    startedAt: new Date(),
  };
  const watch = new AlertWatch({ book, probes: probesOf(watched, book), routes, onChanged: () => teller.tell(), log });
  const heartbeat = new HeartbeatCaller({
    heartbeat: () => rules.ruleSet.heartbeat,
    resolve: (url) => resolved(url, settings),
    isWell: () => inbox.problem() === null,
    allow: allowedHosts(settings),
    log,
  });
  return {
    routes: alertRoutes({ book, teller, routes, record: options.record }),
    stop: () => {
      heartbeat.stop();
      watch.stop();
      teller.stop();
      book.close();
      Object.values(readers).forEach((reader) => reader.close());
    },
  };
}

/** Private hosts that rules may call; without the connection, none. */
function allowedHosts({ connections }: Settings): HostList {
  const settings = connections['http']?.settings ?? null;
  const http = connectors.find(({ name }) => name === 'http');
  return (settings === null ? undefined : http?.connection.allowedHosts?.(settings)) ?? HostList.EMPTY;
}

/** When the webhook's certificate ends: the one that is served, whatever its file has by now. */
function certificateEnds({ receiver: { tls } }: Settings): () => Date | null {
  const ends = tls === undefined ? null : new Date(new X509Certificate(tls.cert).validTo);
  return () => ends;
}

/** The address with its references resolved; null when one cannot be had. */
function resolved(url: string, { ruleSecrets }: Settings): string | null {
  try {
    const filled = fillReferences({ url: markReferences(url) }, (reference) => {
      const found = ruleSecrets.lookUp(reference);
      if (!found.ok) {
        throw new Error(found.message);
      }
      return found.value;
    });
    return typeof filled['url'] === 'string' ? filled['url'] : null;
  } catch {
    return null;
  }
}
