import type { Logger } from 'pino';
import type { Settings } from '../../settings/settings';

/** What a mode is started with. */
export interface ModeOptions {
  settings: Settings;
  /** The settings file that was named; null for the default. Child processes read it again. */
  configFile: string | null;
  log: Logger;
}
