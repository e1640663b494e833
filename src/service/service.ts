/**
 * Something that runs until it is stopped: a mode of the bridge, the receiver, a worker, a child process.
 *
 * An async function makes it. That function resolves when the service runs. It rejects when the service cannot start,
 * and nothing of it runs on then.
 */
export interface Service {
  /**
   * Settles once. Resolves when the service has stopped because {@link stop} was called. Rejects when it ended by
   * itself; the error's message says why. Nobody has to wait for it.
   */
  readonly ended: Promise<void>;
  /**
   * Stops the service within a bound, which the function that makes it states. Work under way finishes, or is left in a
   * state from which the next start continues. A second call returns the first call's promise.
   */
  stop(): Promise<void>;
}

/**
 * Makes a {@link Service}, and sees to what the interface guarantees.
 *
 * @param stop is called at most once.
 * @param work what the service does, for a service that can end by itself. When it settles before a stop, the service
 *   has ended.
 */
export function createService(stop: () => Promise<void>, work?: Promise<void>): Service {
  let stopped: Promise<void> | null = null;
  let resolveEnded = (): void => undefined;
  let rejectEnded = (_error: unknown): void => undefined;
  const ended = new Promise<void>((resolve, reject) => {
    resolveEnded = resolve;
    rejectEnded = reject;
  });
  // Without this, Node would end the process when nobody waits.
  ended.catch(() => undefined);
  work?.then(
    () => {
      if (stopped === null) {
        rejectEnded(new Error('it ended without an error, although nobody stopped it'));
      }
    },
    (error: unknown) => {
      if (stopped === null) {
        rejectEnded(error);
      }
    },
  );
  return {
    ended,
    stop: () => (stopped ??= stop().finally(resolveEnded)),
  };
}
