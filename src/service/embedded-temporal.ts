import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Settings } from '../settings/settings';
import { startDevServer, type DevServer } from '../temporal/dev-server/dev-server';
import { findTemporalCli } from '../temporal/dev-server/find-cli';
import { printMessage } from '../text/print';
import { settlesWithin } from '../timing/settles-within';

const RESTART_AFTER_MS = 1_000;
const RETRY_AFTER_MS = 5_000;
/** A stop waits this long for a server that is still starting. It does not wait for a download or a build. */
const STARTING_WITHIN_MS = 5_000;

/**
 * The Temporal dev server of mode `all`, in a process of its own. When it ends by itself it is started again, on the
 * same ports.
 */
export class EmbeddedTemporal {
  readonly #stopping = new AbortController();
  #ports: { port: number; uiPort: number };
  #server: DevServer | null = null;
  #starting: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly settings: Settings,
    private readonly namespace: string,
    private readonly log: Logger,
  ) {
    const { port, uiPort } = settings.temporal;
    this.#ports = { port, uiPort };
  }

  /** Starts the server. The first use downloads or builds it. @throws DevServerFailed. */
  start(): Promise<DevServer> {
    const started = this.#start();
    this.#starting = started.catch(() => undefined);
    return started;
  }

  /** From now on no server is started: a start under way is given up. */
  cancelStart(): void {
    this.#stopping.abort();
  }

  /** Ends the server, within fifteen seconds. */
  async stop(): Promise<void> {
    this.cancelStart();
    await settlesWithin(this.#starting, STARTING_WITHIN_MS);
    await this.#server?.stop();
  }

  async #start(): Promise<DevServer> {
    const { cliPath } = this.settings.temporal;
    const cli = await findTemporalCli({
      env: process.env,
      ...(cliPath === null ? {} : { cliPath }),
      onProgress: printMessage,
    });
    const server = await startDevServer({
      cli,
      dataDir: this.settings.dataDir,
      namespace: this.namespace,
      ...this.#ports,
      log: this.log,
      signal: this.#stopping.signal,
      onExit: () => this.#onExit(),
    });
    // The next one takes the same ports, also where these were chosen at random.
    this.#ports = { port: portOf(`http://${server.address}`), uiPort: portOf(server.uiUrl) };
    this.#server = server;
    return server;
  }

  #onExit(): void {
    if (!this.#stopping.signal.aborted) {
      this.log.error({}, 'the embedded Temporal server ended; it restarts, and events are kept meanwhile');
      this.#starting = this.#restart();
    }
  }

  async #restart(): Promise<void> {
    const { signal } = this.#stopping;
    for (let afterMs = RESTART_AFTER_MS; !signal.aborted; afterMs = RETRY_AFTER_MS) {
      try {
        await delay(afterMs, undefined, { signal });
        await this.#start();
        return;
      } catch (error) {
        if (!signal.aborted) {
          this.log.error(
            { problem: error instanceof Error ? error.message : 'unknown' },
            'the embedded Temporal server could not be started',
          );
        }
      }
    }
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
