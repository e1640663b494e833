import type { Logger } from 'pino';
import { processRegistry } from '../../admin/process-metrics';
import type { PartState } from '../../admin/server';
import type { LiveRules } from '../../rules/live-rules';
import { connectionsUsedBy } from '../../connectors/registry';
import type { Settings } from '../../settings/settings';
import { findTemporalCli } from '../../temporal/dev-server/find-cli';
import { resolveTemporal } from '../../temporal/connection';
import { startDevServer, type DevServer } from '../../temporal/dev-server/dev-server';
import { runLink } from '../../temporal/ui-link';
import { settlesWithin } from '../../timing/settles-within';
import { showFirstSteps } from '../demo';
import { packageVersion } from '../../setup/package-root';
import { rulesPart, startReceiver, webhookLine } from '../receiver-process';
import type { Running } from '../../cli/start';
import { watchChildProcess } from '../child/metrics';
import type { FromChild } from '../child/messages';
import { workerParts } from '../readiness';
import { ChildSupervisor } from '../child/supervisor';

/** The embedded server is started again after this long when it ends by itself. */
const SERVER_RESTART_MS = 1_000;
/**
 * How long a stop waits for a server that is still starting to be ended; fetching or building one is not waited for.
 */
const STARTING_WITHIN_MS = 5_000;

const NOT_YET: PartState = {
  ok: false,
  detail: 'it waits for Temporal, which is being started; events are kept and handled when it runs',
};

/**
 * Mode `all`: the receiver in this process, the worker in one of its own, Temporal embedded unless one is configured.
 *
 * The receiver answers from the first moment; whatever comes before Temporal is there waits in the inbox.
 */
export async function startAll(
  settings: Settings,
  rules: LiveRules,
  config: string | null,
  log: Logger,
): Promise<Running> {
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  let worker: ChildSupervisor | null = null;
  const registry = processRegistry(packageVersion());
  watchChildProcess(registry, 'worker', () => worker);
  const receiver = await startReceiver({
    settings,
    registry,
    ruleSet: () => rules.ruleSet,
    log,
    onPending: () => worker?.wake(),
    parts: () => ({ rules: rulesPart(rules), ...(worker === null ? { worker: NOT_YET } : partsOf(worker)) }),
    moreMetrics: () => worker?.metrics() ?? '',
  });
  print(webhookLine(receiver.webhook, settings));
  print(`Admin     ${receiver.admin}/readyz and /metrics`);
  print(
    `Rules     ${settings.rulesFile}: ${rules.ruleSet.rules.length} (rule set ${rules.ruleSet.hash}); a saved change is in force within a second`,
  );

  let fail = (_reason: string): void => undefined;
  const failed = new Promise<string>((resolve) => {
    fail = resolve;
  });
  const stopping = new AbortController();
  let server: DevServer | null = null;
  // A server that is started again answers where the first one did, also on ports that were chosen at random.
  let ports = { port: settings.temporal.port, uiPort: settings.temporal.uiPort };
  let namespace = 'default';
  const startServer = async (): Promise<DevServer> => {
    const cli = await findTemporalCli({
      env: process.env,
      ...(settings.temporal.cliPath === null ? {} : { cliPath: settings.temporal.cliPath }),
      onProgress: (line) => process.stderr.write(`${line}\n`),
    });
    const started = await startDevServer({
      cli,
      dataDir: settings.dataDir,
      namespace,
      ...ports,
      log,
      signal: stopping.signal,
      onExit: () => {
        if (!stopping.signal.aborted) {
          log.error({}, 'the embedded Temporal server ended; it is started again, events are kept meanwhile');
          restartAfter(SERVER_RESTART_MS);
        }
      },
    });
    ports = { port: portOf(`http://${started.address}`), uiPort: portOf(started.uiUrl) };
    return started;
  };
  let restarting: Promise<void> = Promise.resolve();
  const restart = async (): Promise<void> => {
    if (stopping.signal.aborted) {
      return;
    }
    try {
      server = await startServer();
    } catch (error) {
      if (!stopping.signal.aborted) {
        log.error(
          { problem: error instanceof Error ? error.message : 'unknown' },
          'the embedded Temporal server could not be started',
        );
        restartAfter(SERVER_RESTART_MS * 5);
      }
    }
  };
  const restartAfter = (ms: number): void => {
    setTimeout(() => {
      restarting = restart();
    }, ms);
  };

  const begin = async (): Promise<void> => {
    const temporal = resolveTemporal({ settings: settings.temporal, env: process.env, embeddedAddress: null });
    namespace = temporal.namespace;
    if (temporal.kind === 'configured') {
      print(`Temporal  ${temporal.address}, namespace ${temporal.namespace} (${temporal.source})`);
    } else {
      server = await startServer();
      print(`Temporal  ${server.address}, its UI at ${server.uiUrl}`);
    }
    if (stopping.signal.aborted) {
      return;
    }
    const uiUrl = server?.uiUrl ?? null;
    worker = new ChildSupervisor('worker', { configFile: config, embeddedAddress: server?.address ?? null }, log);
    worker.onMessage((message) => {
      if (message.type === 'ready') {
        ready(message.stand_ins);
      }
    });
    let wasReady = false;
    const ready = (standIns: string[]): void => {
      if (wasReady) {
        return;
      }
      wasReady = true;
      if (standIns.length > 0) {
        print(
          `Stand-ins ${standIns.join(', ')}: no credentials are set for these, so nothing reaches the real services`,
        );
      }
      void introduce(standIns, uiUrl).catch((error: unknown) =>
        log.warn({ problem: error instanceof Error ? error.message : 'unknown' }, 'the first steps could not be shown'),
      );
    };
    worker.run();
  };
  const introduce = async (standIns: string[], uiUrl: string | null): Promise<void> => {
    const onlyStandIns = connectionsUsedBy(
      rules.ruleSet.rules.flatMap((rule) => (rule.mode === 'live' ? rule.steps : [])),
    ).every((name) => standIns.includes(name));
    if (onlyStandIns && receiver.wasEmpty && uiUrl !== null) {
      await showFirstSteps({
        url: receiver.webhook,
        receiver: settings.receiver,
        onClosed: (listener) =>
          worker?.onMessage((message: FromChild) => {
            if (message.type === 'closed') {
              listener(message);
            }
          }),
        linkTo: (eventId) => runLink(uiUrl, namespace, eventId),
        print,
      });
    }
    print(
      `\nReady: send an event with   npx bridge send call_hungup\n       see what came with    npx bridge events list\n       Ctrl-C stops it all.`,
    );
  };
  const begun = begin().catch((error: unknown) => fail(error instanceof Error ? error.message : String(error)));

  return {
    failed,
    stop: async () => {
      stopping.abort();
      await Promise.all([
        receiver.stop(),
        settlesWithin(Promise.all([begun, restarting]), STARTING_WITHIN_MS).then(() => worker?.stop()),
      ]);
      await server?.stop();
      await receiver.close();
    },
  };
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

function partsOf(worker: ChildSupervisor): Record<string, PartState> {
  const state = worker.state();
  return state === null
    ? {
        worker: {
          ok: false,
          detail: `${worker.problem() ?? 'it is being started'}; events are kept and handled when it runs`,
        },
      }
    : { worker: { ok: true, detail: 'running' }, ...workerParts(state) };
}
