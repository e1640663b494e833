import { OperationFailed } from '../../errors/operator-errors';
import { StartError } from '../../errors/start-errors';
import { InboxUnavailable } from '../../inbox/inbox-unavailable';
import { describePortHolder, PortTaken, portTakenMessage } from '../../net/ports';
import type { Settings } from '../../settings/settings';
import type { Mode } from '../processes';
import { loadRulesInForce } from '../rules-in-force';
import { createService, type Service } from '../service';
import { proxiesLine } from '../start-messages';
import { printOutput } from '../../text/print';
import type { ModeOptions } from './mode-options';

/**
 * Starts a mode. Its stop takes 28 s at most, except where the disk does not answer.
 *
 * @throws WrongUse for settings or rules that do not fit the mode, OperationFailed for what keeps the bridge from
 *   starting on this machine. The message says what to do.
 */
export async function startMode(mode: Mode, options: ModeOptions): Promise<Service> {
  const proxies = proxiesLine(process.env);
  if (proxies !== null) {
    printOutput(proxies);
  }
  try {
    // Each mode is loaded when it starts: it needs modules that the others do not.
    if (mode === 'worker') {
      const { startWorkerMode } = await import('./worker.js');
      return await startWorkerMode(options);
    }
    const rules = loadRulesInForce(options.settings, options.log, mode);
    const start =
      mode === 'receiver' ? (await import('./receiver.js')).startReceiverMode : (await import('./all.js')).startAllMode;
    const service = await start({ ...options, rules });
    return createService(() => service.stop().finally(() => rules.stop()), service.ended);
  } catch (error) {
    throw explained(error, options.settings);
  }
}

/** The error as a sentence for the operator, where it is one that operators can meet. */
function explained(error: unknown, settings: Settings): unknown {
  if (error instanceof PortTaken) {
    const purpose = error.setting === 'PORT' ? 'The webhook' : 'The admin port';
    return new OperationFailed(
      portTakenMessage({ port: error.port, purpose, setting: error.setting, holder: describePortHolder(error.port) }),
      error.code,
    );
  }
  if (error instanceof StartError) {
    return new OperationFailed(error.message, error.code);
  }
  if (error instanceof InboxUnavailable) {
    return new OperationFailed(
      `The data folder ${settings.dataDir} cannot be used (${error.code}): ${error.message}. Make it writable, or choose another with BRIDGE_DATA_DIR.`,
      'data_folder_unusable',
    );
  }
  return error;
}
