import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const FILE = 'admin-api.json';
const content = z.object({ url: z.string(), token: z.string() });

/** Where the API of a running bridge is, and what callers must show. */
export type ApiAccess = z.infer<typeof content>;

/** Makes a token for the API of the admin port. */
export function createAdminToken(): string {
  return randomBytes(32).toString('hex');
}

/**
 * Writes where the API is into a file of the data folder that only its owner can read: who may read the events may
 * operate the bridge, and nobody else on this machine.
 *
 * @param url as the admin port listens: `http://0.0.0.0:5001`.
 */
export function publishApi(dataDir: string, url: string, token: string): void {
  const path = join(dataDir, FILE);
  const reachable = url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
  // A new file: one that exists could have other permissions, or be a link.
  rmSync(path, { force: true });
  writeFileSync(path, JSON.stringify({ url: reachable, token } satisfies ApiAccess), { mode: 0o600, flag: 'wx' });
}

/** Where the API of the bridge is that runs with this data folder, or ran last; null when there is none. */
export function findApi(dataDir: string): ApiAccess | null {
  try {
    return content.parse(JSON.parse(readFileSync(join(dataDir, FILE), 'utf8')));
  } catch {
    return null;
  }
}
