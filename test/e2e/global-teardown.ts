import { rmSync } from 'node:fs';
import { shared } from './global-setup';

/** Stops what global-setup.ts started. */
export default async function stopTemporal(): Promise<void> {
  await shared.server?.stop();
  if (shared.dataDir !== null) {
    rmSync(shared.dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}
