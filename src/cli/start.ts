import { Command, Option } from 'commander';
import type { Logger } from 'pino';
import { connectionsUsedBy, connectors } from '../connectors/registry';
import { createLogger } from '../service/logger';
import { missingCredentials } from '../settings/load';
import { formatFinding } from '../yaml/format-findings';
import type { Settings } from '../settings/settings';
import { LiveRules } from '../rules/live-rules';
import type { PlannedStep } from '../rules/plan';
import type { RuleSet } from '../rules/rule-set';
import { DataFolderInUse } from '../storage/data-folder';
import { InboxUnavailable } from '../inbox/inbox-unavailable';
import { TemporalMisconfigured } from '../temporal/configured-temporal';
import { TemporalUnreachable } from '../temporal/connection';
import { describePortHolder, PortTaken, portTakenMessage } from '../net/ports';
import { settlesWithin } from '../timing/settles-within';
import { Refused, WrongUse } from '../errors/operator-errors';
import { describeFindings, readRules } from './rules';
import { configFile, readSettings } from './read-settings';

const MODES = ['all', 'receiver', 'worker'] as const;
type Mode = (typeof MODES)[number];

/** The modes bound their own stops by less; orchestrators commonly kill after 30 s. */
const STOP_WITHIN_MS = 28_000;

/** Something that runs until it is told to stop. */
export interface Running {
  /**
   * Stops within a bound: no new events, those answered are kept, attempts under way finish or are handed back to
   * Temporal.
   */
  stop(): Promise<void>;
  /** Resolves when it ended by itself, with why. */
  failed: Promise<string>;
}

/** `bridge start`: the service. */
export function startCommand(): Command {
  return new Command('start')
    .description('run the bridge')
    .addOption(
      new Option('--mode <mode>', 'all: everything on this machine; receiver: webhook and inbox; worker: runs')
        .choices(MODES)
        .default('all')
        .env('BRIDGE_MODE'),
    )
    .action(async (options: { mode: Mode }, command: Command) => {
      const asked = stopAsked();
      const settings = readSettings(command);
      const log = createLogger({ name: options.mode === 'worker' ? 'worker' : 'bridge' });
      const rules = options.mode === 'worker' ? null : liveRules(settings, log);
      const running = await startMode(options.mode, settings, rules, configFile(command), log).catch((error: unknown) =>
        explain(error, settings),
      );
      await untilStopped(running, asked);
      rules?.stop();
      // What never answered (a frozen server, a download) would keep the process.
      process.exit();
    });
}

/**
 * The rules, kept up with their files, if this environment may run them.
 * @throws WrongUse listing every fault.
 */
function liveRules(settings: Settings, log: Logger): LiveRules {
  const rules = readRules(settings.rulesFile);
  if (rules.findings.length > 0) {
    process.stderr.write(`${describeFindings(rules.findings)}\n`);
  }
  if (!rules.ok) {
    throw new WrongUse(
      'The rule files have errors (above): mend them, or point BRIDGE_RULES at others. Check with: npx bridge rules check',
    );
  }
  const faults = missingCredentials(settings, connectors, connectionsUsedBy(liveSteps(rules.ruleSet)));
  if (faults.length > 0) {
    throw new WrongUse(`Not fit for production:\n${faults.map(formatFinding).join('\n')}`);
  }
  return new LiveRules(rules, () => readRules(settings.rulesFile), {
    onTaken: (ruleSet) => {
      log.info({ ruleset: ruleSet.hash, rules: ruleSet.rules.length }, 'the rule files changed and are in force');
      for (const fault of missingCredentials(settings, connectors, connectionsUsedBy(liveSteps(ruleSet)))) {
        log.error({}, formatFinding(fault));
      }
    },
    onRefused: ({ findings }) => {
      process.stderr.write(`${describeFindings(findings)}\n`);
      log.error(
        { findings: findings.length },
        'the rule files changed and have errors (above); the rules before stay in force',
      );
    },
  });
}

/** Every step that a live rule may run. */
function liveSteps(ruleSet: RuleSet): PlannedStep[] {
  return ruleSet.rules.flatMap((rule) => (rule.mode === 'live' ? rule.steps : []));
}

/** What a mode needs is loaded only for it: other commands start sooner without Temporal's worker. */
async function startMode(
  mode: Mode,
  settings: Settings,
  rules: LiveRules | null,
  config: string | null,
  log: Logger,
): Promise<Running> {
  if (rules === null) {
    const { startWorkerOnly } = await import('../service/modes/worker.js');
    return startWorkerOnly(settings, log);
  }
  if (mode === 'receiver') {
    const { startReceiverOnly } = await import('../service/modes/receiver.js');
    return startReceiverOnly(settings, rules, config, log);
  }
  const { startAll } = await import('../service/modes/all.js');
  return startAll(settings, rules, config, log);
}

/** Turns what can keep a bridge from starting into a sentence for the operator. */
function explain(error: unknown, settings: Settings): never {
  if (error instanceof PortTaken) {
    const purpose = error.setting === 'PORT' ? 'The webhook' : 'The admin port';
    throw new Refused(
      portTakenMessage({ port: error.port, purpose, setting: error.setting, holder: describePortHolder(error.port) }),
    );
  }
  if (
    error instanceof DataFolderInUse ||
    error instanceof TemporalUnreachable ||
    error instanceof TemporalMisconfigured
  ) {
    throw new Refused(error.message);
  }
  if (error instanceof InboxUnavailable) {
    throw new Refused(
      `The data folder ${settings.dataDir} cannot be used (${error.code}): ${error.message}. Make it writable, or choose another with BRIDGE_DATA_DIR.`,
    );
  }
  throw error;
}

/** How often it is looked whether npm is still there. */
const LOOK_FOR_PARENT_MS = 500;

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP. A second one ends the process at once. An npm that is told to end
 * takes only its shell along and not the program in it, so that started by npm, the bridge also stops when what started
 * it is gone.
 */
function stopAsked(): Promise<null> {
  return new Promise((resolve) => {
    let asked = false;
    const parent = process.ppid;
    if (process.env['npm_lifecycle_event'] !== undefined) {
      const timer = setInterval(() => {
        if (process.ppid !== parent) {
          clearInterval(timer);
          resolve(null);
        }
      }, LOOK_FOR_PARENT_MS);
      timer.unref();
    }
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => {
        if (asked) {
          process.exit(130);
        }
        asked = true;
        resolve(null);
      });
    }
  });
}

/** Until it is asked to stop, or fails by itself; then stops it. Sets the exit code. */
async function untilStopped(running: Running, asked: Promise<null>): Promise<void> {
  const failure = await Promise.race([asked, running.failed]);
  if (failure !== null) {
    process.stderr.write(`${failure}\n`);
    process.exitCode = 1;
  } else {
    process.stderr.write('Stopping ...\n');
  }
  const stopped = running.stop().catch((error: unknown) => {
    process.stderr.write(
      `Stopping went wrong: ${error instanceof Error ? error.message : 'unknown error'}. No event is lost.\n`,
    );
    process.exitCode = 1;
  });
  if (await settlesWithin(stopped, STOP_WITHIN_MS)) {
    process.stderr.write('Stopped.\n');
  } else {
    process.stderr.write(
      `Not everything ended within ${STOP_WITHIN_MS / 1_000} s; what is left is ended with the process. No event is lost.\n`,
    );
    process.exitCode = 1;
  }
}
