import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

let found: string | undefined;

/** The bridge's version, from its package.json. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
}

/** The bridge's own folder, which holds its package.json. It works in `src` and in `dist`. */
export function packageRoot(): string {
  for (let folder = __dirname; found === undefined; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file) && readFileSync(file, 'utf8').includes('"name": "voipbin-bridge"')) {
      found = folder;
    } else if (folder === dirname(folder)) {
      throw new Error('the bridge cannot find its own package.json');
    }
  }
  return found;
}
