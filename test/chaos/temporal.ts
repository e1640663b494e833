import { Client, Connection } from '@temporalio/client';
import pino from 'pino';
import { findTemporalCli } from '../../src/temporal/dev-server/find-cli';
import { embeddedAddressOf, startDevServer, type DevServer } from '../../src/temporal/dev-server/dev-server';
import { HANDLE_BATCH, HANDLE_EVENT } from '../../src/runs/names';
import { registerNamespace } from '../e2e/temporal-server';

const CALL_WITHIN_MS = 5_000;

/** A Temporal server of the test's own, to be stopped, killed, frozen and started again on its data. */
export class OwnTemporal {
  private constructor(
    private readonly dataDir: string,
    private server: DevServer | null,
    /** `127.0.0.1:port`; stays the same over restarts. */
    readonly address: string,
    private readonly uiPort: number,
  ) {}

  static async start(dataDir: string): Promise<OwnTemporal> {
    const server = await launch(dataDir, 0, 0);
    return new OwnTemporal(dataDir, server, server.address, Number(new URL(server.uiUrl).port));
  }

  /** Stops it: from then on it refuses connections. */
  async stop(): Promise<void> {
    await this.server?.stop();
    this.server = null;
  }

  /** Starts it again after {@link stop} or {@link kill}. */
  async startAgain(): Promise<void> {
    this.server = await launch(this.dataDir, Number(this.address.split(':')[1]), this.uiPort);
  }

  kill(): void {
    this.#signal('SIGKILL');
    this.server = null;
  }

  /** Stops it from answering, with all its connections open. */
  freeze(): void {
    this.#signal('SIGSTOP');
  }

  thaw(): void {
    this.#signal('SIGCONT');
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.server !== null) {
      process.kill(this.server.pid, signal);
    }
  }
}

async function launch(dataDir: string, port: number, uiPort: number): Promise<DevServer> {
  const cli = await findTemporalCli({ env: process.env, onProgress: () => undefined });
  return startDevServer({ cli, dataDir, port, uiPort, log: pino({ level: 'silent' }), onExit: () => undefined });
}

/** How many runs of events are open at the Temporal server with this address. Throws while it is away. */
export async function openRunsAt(address: string, namespace = 'default'): Promise<number> {
  return withConnection(address, async (connection) => {
    const client = new Client({ connection, namespace });
    return (
      await client.workflow.count(
        `WorkflowType IN ('${HANDLE_EVENT}', '${HANDLE_BATCH}') AND ExecutionStatus = 'Running'`,
      )
    ).count;
  });
}

/** The same of the embedded server of a data folder. Throws while none runs. */
export async function openRunsIn(dataDir: string): Promise<number> {
  const address = embeddedAddressOf(dataDir);
  if (address === null) {
    throw new Error('no embedded server runs at the moment');
  }
  return openRunsAt(address);
}

/** Creates a namespace at the Temporal server with this address. */
export async function createNamespace(address: string, namespace: string): Promise<void> {
  await withConnection(address, (connection) => registerNamespace(connection, namespace));
}

async function withConnection<Result>(
  address: string,
  ask: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const connection = Connection.lazy({ address });
  try {
    return await connection.withDeadline(Date.now() + CALL_WITHIN_MS, () => ask(connection));
  } finally {
    await connection.close();
  }
}
