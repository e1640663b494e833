import { processRegistry } from '../../admin/process-metrics';
import type { PartState } from '../../admin/server';
import type { LiveRules } from '../../rules/live-rules';
import { packageVersion } from '../../setup/package-root';
import { resolveTemporal } from '../../temporal/connection';
import type { DevServer } from '../../temporal/dev-server/dev-server';
import { runLink } from '../../temporal/ui-link';
import { settlesWithin } from '../../timing/settles-within';
import { watchChildProcess } from '../child/metrics';
import { ChildSupervisor } from '../child/supervisor';
import { showDemo } from '../demo';
import { EmbeddedTemporal } from '../embedded-temporal';
import { PROCESSES } from '../processes';
import { childPart, workerParts } from '../readiness';
import { adminLine, standInsLine, temporalLine, webhookLine } from '../start-messages';
import { printOutput } from '../../text/print';
import { startReceiver } from '../receiver-process';
import { connectionsInUse } from '../rules-in-force';
import { createService, type Service } from '../service';
import type { ModeOptions } from './mode-options';

const CHILD = PROCESSES.all.child;
/** A stop waits this long for a start that is under way, before it stops the worker. */
const STARTING_WITHIN_MS = 5_000;

const WAITING_FOR_TEMPORAL: PartState = {
  ok: false,
  detail: 'it waits for Temporal, which is starting; events are kept and handled when it runs',
};

/**
 * Mode `all`: the receiver in this process, the worker in a child process, and a Temporal dev server unless a Temporal
 * is configured.
 *
 * The receiver answers at once; events that come before Temporal runs wait in the inbox. The service ends by itself when
 * Temporal cannot be started.
 */
export async function startAllMode(options: ModeOptions & { rules: LiveRules }): Promise<Service> {
  const { settings, rules, configFile, log } = options;
  const temporal = resolveTemporal({ settings: settings.temporal, env: process.env, embeddedAddress: null });
  const embedded = temporal.kind === 'configured' ? null : new EmbeddedTemporal(settings, temporal.namespace, log);
  let worker: ChildSupervisor | null = null;
  let isStopping = false;

  const registry = processRegistry(packageVersion());
  watchChildProcess(registry, CHILD, () => worker);
  const receiver = await startReceiver({
    settings,
    configFile,
    elsewhere: {
      parked: () => worker?.state()?.parked,
      isParkedKnown: () => worker?.state()?.parked_known === true,
      failing: () => worker?.state()?.failing,
      seenWorking: () => worker?.state()?.seen_working,
      standIns: () => worker?.standInSettings() ?? {},
      temporal: () => worker?.state()?.temporal,
      // Before Temporal runs there is none to be missing.
      worker: () => worker?.problem() ?? null,
    },
    rules,
    log,
    registry,
    onPending: () => worker?.wake(),
    mode: 'all',
    ask: (question) => worker?.ask(question) ?? Promise.reject(new Error(`the worker ${WAITING_FOR_TEMPORAL.detail}`)),
    parts: () => (worker === null ? { worker: WAITING_FOR_TEMPORAL } : partsOf(worker)),
    voipbinStandIn: () => worker?.voipbinStandIn(),
    moreMetrics: () => worker?.metrics() ?? '',
    stopDependents: async () => {
      isStopping = true;
      embedded?.cancelStart();
      await settlesWithin(begun, STARTING_WITHIN_MS);
      await worker?.stop();
      await embedded?.stop();
    },
  });
  printOutput(webhookLine(receiver.webhookUrl, settings));
  printOutput(adminLine(receiver.adminUrl));
  printOutput(
    `Rules     ${settings.rulesFile}: ${rules.ruleSet.rules.length} (rule set ${rules.ruleSet.hash}); changes take effect within two seconds of saving`,
  );

  const begin = async (): Promise<void> => {
    const server = (await embedded?.start()) ?? null;
    printOutput(
      server === null
        ? temporalLine(temporal, temporal.source)
        : `Temporal  ${server.address}, its UI at ${server.uiUrl}`,
    );
    if (isStopping) {
      return;
    }
    const child = new ChildSupervisor(CHILD, { configFile, embeddedAddress: server?.address ?? null }, log);
    worker = child;
    child.onFirstReady((standIns) => {
      greet({ child, standIns, server }).catch((error: unknown) =>
        log.warn({ problem: error instanceof Error ? error.message : 'unknown' }, 'the demo could not be shown'),
      );
    });
    child.start();
  };
  /** Prints what the bridge is ready for. The first start ever with stand-ins only shows a demo before. */
  const greet = async (ready: { child: ChildSupervisor; standIns: string[]; server: DevServer | null }) => {
    const { child, standIns, server } = ready;
    if (standIns.length > 0) {
      printOutput(standInsLine(standIns));
    }
    const usesStandInsOnly = connectionsInUse(rules.ruleSet).every((name) => standIns.includes(name));
    if (usesStandInsOnly && receiver.wasEmpty && server !== null) {
      await showDemo({
        url: receiver.webhookUrl,
        receiver: settings.receiver,
        standIn: child.voipbinStandIn() ?? null,
        onClosed: (listener) =>
          child.onMessage((message) => {
            if (message.type === 'closed') {
              listener(message);
            }
          }),
        linkTo: (eventId) => runLink(server.uiUrl, temporal.namespace, eventId),
        print: printOutput,
      });
    }
    printOutput(
      `\nReady: send an event with   npx bridge send call_hungup\n       list events with      npx bridge events list\n       Ctrl-C stops everything.`,
    );
  };
  const begun = begin();
  return createService(
    () => receiver.stop(),
    begun.then(() => receiver.ended),
  );
}

function partsOf(worker: ChildSupervisor): Record<string, PartState> {
  const state = worker.state();
  return { worker: childPart(worker), ...(state === null ? {} : workerParts(state)) };
}
