import type { Command } from 'commander';
import { connectors } from '../connectors/registry';
import { loadSettings } from '../settings/load';
import { formatFault } from '../settings/fault';
import type { Settings } from '../settings/settings';
import { WrongUse } from './exit';

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
    throw new WrongUse(`The settings have ${loaded.faults.length} fault(s):\n${loaded.faults.map(formatFault).join('\n')}`);
  }
  return loaded.settings;
}
