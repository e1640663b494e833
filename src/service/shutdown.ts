import { StartError } from '../errors/start-errors';
import { errorReferenceLine, EXIT_FAILED, EXIT_OK } from '../errors/operator-errors';
import { printMessage } from '../text/print';
import { settlesWithin } from '../timing/settles-within';
import type { Service } from './service';

/** The modes bound their own stops by less. Orchestrators commonly kill after 30 s. */
const STOP_WITHIN_MS = 28_000;
const POLL_PARENT_MS = 500;
/** Exit code of a process that SIGINT ends (128 + 2). */
const EXIT_INTERRUPTED = 130;

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP. A second signal ends the process at once.
 *
 * When npm gets a signal, it ends its shell but not the program in it. So a bridge that npm started also stops when its
 * parent process is gone.
 */
export function stopRequest(): Promise<void> {
  return new Promise((resolve) => {
    let isRequested = false;
    const parent = process.ppid;
    if (process.env['npm_lifecycle_event'] !== undefined) {
      const timer = setInterval(() => {
        if (process.ppid !== parent) {
          clearInterval(timer);
          resolve();
        }
      }, POLL_PARENT_MS);
      timer.unref();
    }
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => {
        if (isRequested) {
          process.exit(EXIT_INTERRUPTED);
        }
        isRequested = true;
        resolve();
      });
    }
  });
}

/**
 * Waits until a stop is requested or the service ends by itself, then stops what still runs. Prints what happens to
 * standard error.
 *
 * @returns the exit code. Resolves within 28 s after the end began; what has not stopped by then ends with the process.
 */
export async function runUntilStopped(service: Service, stopRequested: Promise<void>): Promise<number> {
  let exitCode = EXIT_OK;
  const failure = await Promise.race([
    stopRequested.then(() => null),
    service.ended.then(
      () => null,
      (error: unknown) =>
        error instanceof StartError ? `${error.message}\n${errorReferenceLine(error.code)}` : messageOf(error),
    ),
  ]);
  if (failure === null) {
    printMessage('Stopping ...');
  } else {
    printMessage(failure);
    exitCode = EXIT_FAILED;
  }
  const stopped = service.stop().catch((error: unknown) => {
    printMessage(`Stopping failed: ${messageOf(error)}. No event is lost.`);
    exitCode = EXIT_FAILED;
  });
  if (await settlesWithin(stopped, STOP_WITHIN_MS)) {
    printMessage('Stopped.');
  } else {
    printMessage(
      `Not everything stopped within ${STOP_WITHIN_MS / 1_000} s; the rest ends with this process. No event is lost.`,
    );
    exitCode = EXIT_FAILED;
  }
  return exitCode;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error';
}
