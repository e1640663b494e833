import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

let found: string | undefined;

/** The bridge's version, as its package.json has it. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
}

/** The folder of the bridge itself: where its package.json stands, whether this runs from `src` or from `dist`. */
export function packageRoot(): string {
  for (let folder = __dirname; found === undefined; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file) && readFileSync(file, 'utf8').includes('"name": "voipbin-bridge"')) {
      found = folder;
    } else if (folder === dirname(folder)) {
      throw new Error('the bridge does not find its own package.json');
    }
  }
  return found;
}
