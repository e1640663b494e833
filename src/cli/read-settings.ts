import type { Command } from 'commander';
import { connectors } from '../connectors/registry';
import { VARIABLES } from '../settings/definitions';
import { loadSettings } from '../settings/load';
import { nearest } from '../yaml/nearest-name';
import { formatFinding } from '../yaml/format-findings';
import type { Settings } from '../settings/settings';
import { WrongUse } from '../errors/operator-errors';

/** The settings file that was named, or null for the default. */
export function configFile(command: Command): string | null {
  const { config } = command.optsWithGlobals<{ config?: string }>();
  return config ?? null;
}

/**
 * Loads the settings for a command.
 * @throws WrongUse listing every fault.
 */
export function readSettings(command: Command): Settings {
  const file = configFile(command);
  const loaded = loadSettings({ ...(file === null ? {} : { configFile: file }), env: process.env, connectors });
  if (!loaded.ok) {
    throw new WrongUse(
      `The settings have ${loaded.findings.length === 1 ? 'an error' : `${loaded.findings.length} errors`}:\n${loaded.findings.map(formatFinding).join('\n')}`,
    );
  }
  warnOfUnknownVariables();
  return loaded.settings;
}

let warned = false;

/** A misspelt variable would be ignored in silence. Told once. */
function warnOfUnknownVariables(): void {
  if (warned) {
    return;
  }
  warned = true;
  const known = [
    ...Object.values(VARIABLES),
    ...connectors.flatMap((connector) => Object.values(connector.connection.environment)),
    'BRIDGE_CONFIG',
    'BRIDGE_MODE',
  ].filter((name) => name !== null);
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('BRIDGE_') && !known.includes(name) && !name.startsWith('BRIDGE_TEST_')) {
      const meant = known.includes(name.slice('BRIDGE_'.length)) ? name.slice('BRIDGE_'.length) : nearest(name, known);
      process.stderr.write(
        `environment ${name}: the bridge has no such setting${meant === null ? '' : `; did you mean ${meant}?`}\n`,
      );
    }
  }
}
