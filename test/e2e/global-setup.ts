import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { findTemporalCli } from '../../src/temporal/dev-server/find-cli';
import { startDevServer, type DevServer } from '../../src/temporal/dev-server/dev-server';
import { ADDRESS_VARIABLE } from './temporal-server';

/** What global-teardown.ts stops. Jest runs both in one process, with nothing else to share. */
export const shared: { server: DevServer | null; dataDir: string | null } = { server: null, dataDir: null };

/** Starts the Temporal server that the end-to-end tests share. */
export default async function startTemporal(): Promise<void> {
  const cli = await findTemporalCli({ env: process.env, onProgress: (line) => process.stderr.write(`${line}\n`) });
  shared.dataDir = mkdtempSync(join(tmpdir(), 'bridge-e2e-temporal-'));
  shared.server = await startDevServer({
    cli,
    dataDir: shared.dataDir,
    port: 0,
    uiPort: 0,
    log: pino({ level: 'silent' }),
    onExit: () => undefined,
  });
  process.env[ADDRESS_VARIABLE] = shared.server.address;
}
