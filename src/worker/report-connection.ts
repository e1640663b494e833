import type { Logger } from 'pino';
import type { ConnectionReport } from '../runs/parking-contract';

/**
 * The activity by which the line of a parked connection speaks to the operator: once over all workers, on one of them.
 */
export function reportConnection(log: Logger): (report: ConnectionReport) => Promise<void> {
  return async ({ connection, state, problem: { code, message, remedy } }) => {
    switch (state) {
      case 'parked':
        log.error({ connection, code, remedy }, `connection parked: ${message}; its steps wait`);
        return;
      case 'works':
        log.info({ connection }, 'connection works again; the steps that waited go on, oldest first');
        return;
      case 'left':
        log.info({ connection, code }, 'no step waits for the parked connection any more; the next one tries it');
    }
  };
}
