import type { Command } from 'commander';
import { connectors } from '../connectors/registry';
import { WrongUse } from '../errors/operator-errors';
import { InvalidProxy, Proxies } from '../net/proxies';
import { VARIABLES } from '../settings/definitions';
import { allButSecrets, loadSettings, type LoadOptions } from '../settings/load';
import type { Settings } from '../settings/settings';
import { printMessage } from '../text/print';
import type { Finding } from '../yaml/finding';
import { formatFinding } from '../yaml/format-findings';
import { nearest } from '../yaml/nearest-name';

/** The file that `--config` names, or null for the default. */
export function configFile(command: Command): string | null {
  const { config } = command.optsWithGlobals<{ config?: string }>();
  return config ?? null;
}

/**
 * Loads the settings for a command. Warns once of settings that production would refuse, and of environment variables
 * that look like settings and are none.
 * @param usedConnectors the connectors that the live rules of a file use, where the command needs their credentials.
 * @param more.isNeeded see {@link LoadOptions.isNeeded}.
 * @throws WrongUse with everything that is wrong.
 */
export function readSettings(
  command: Command,
  usedConnectors?: (rulesFile: string) => readonly string[],
  more: Pick<LoadOptions, 'isNeeded'> = {},
): Settings {
  const file = configFile(command);
  const loaded = loadSettings({
    ...(file === null ? {} : { configFile: file }),
    env: process.env,
    connectors,
    ...(usedConnectors === undefined ? {} : { usedConnectors }),
    ...more,
  });
  if (!loaded.ok) {
    const { findings } = loaded;
    throw new WrongUse(
      `The settings have ${findings.length === 1 ? 'an error' : `${findings.length} errors`}:\n${findings.map(formatFinding).join('\n')}`,
    );
  }
  checkProxies();
  warnOnce(loaded.warnings);
  return loaded.settings;
}

/**
 * The data folder, for a command that uses no other setting. It works where secrets are missing, as after the loss of the
 * folder that one is in.
 * @throws WrongUse when the settings do not say which folder it is.
 */
export function readDataDir(command: Command): string {
  return readSettings(command, undefined, { isNeeded: (setting) => setting === 'data_dir' }).dataDir;
}

/** The settings, for a command that reads events: it works where secrets are missing. @throws WrongUse. */
export function readSettingsWithoutSecrets(command: Command): Settings {
  return readSettings(command, undefined, { isNeeded: allButSecrets });
}

/** @throws WrongUse when a proxy of the environment cannot be used: no request would reach its provider. */
function checkProxies(): void {
  try {
    new Proxies(process.env);
  } catch (error) {
    throw error instanceof InvalidProxy ? new WrongUse(`environment ${error.message}`) : error;
  }
}

let hasWarned = false;

function warnOnce(warnings: readonly Finding[]): void {
  if (!hasWarned) {
    hasWarned = true;
    warnings.map(formatFinding).forEach(printMessage);
    warnOfUnknownVariables();
  }
}

/** A misspelt variable would otherwise have no effect and no message. */
function warnOfUnknownVariables(): void {
  const known = [
    ...Object.values(VARIABLES),
    ...connectors.flatMap((connector) => Object.values(connector.connection.environment)),
    'BRIDGE_CONFIG',
    'BRIDGE_MODE',
  ].filter((name) => name !== null);
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('BRIDGE_') && !known.includes(name) && !name.startsWith('BRIDGE_TEST_')) {
      const bare = name.slice('BRIDGE_'.length);
      const suggestion = known.includes(bare) ? bare : nearest(name, known);
      printMessage(
        `environment ${name}: the bridge has no such setting${suggestion === null ? '' : `; did you mean ${suggestion}?`}`,
      );
    }
  }
}
