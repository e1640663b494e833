import type { Logger } from 'pino';
import type { ConnectionReport } from '../runs/parking-contract';

/** Makes the activity that logs a connection's state. The connection's queue calls it once, on one of the workers. */
export function reportConnection(log: Logger): (report: ConnectionReport) => Promise<void> {
  return async ({ connection, state, problem: { code, message, remedy } }) => {
    switch (state) {
      case 'parked':
        log.error({ connection, code, remedy }, `connection parked: ${message}; its steps wait`);
        return;
      case 'works':
        log.info({ connection }, 'connection works again; its waiting steps are released, oldest first');
        return;
      case 'left':
        log.info({ connection, code }, 'no step waits for the parked connection any more; the next step tries it');
    }
  };
}
