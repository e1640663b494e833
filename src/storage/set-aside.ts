import { existsSync, renameSync } from 'node:fs';

/**
 * Renames a damaged SQLite file and its logs to `….corrupt-<time>`, so that a new one can be made and a person can look
 * at the old one. The database must be closed.
 * @returns the new path.
 */
export function setAside(path: string): string {
  const aside = `${path}.corrupt-${new Date().toISOString().replace(/[:.]/g, '-')}`;
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(path + suffix)) {
      renameSync(path + suffix, aside + suffix);
    }
  }
  return aside;
}
