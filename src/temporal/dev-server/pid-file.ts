import { readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { urlHost } from '../../net/url-host';
import { readProcess } from './process-info';

const serverRecord = z.object({
  pid: z.int().positive(),
  /** When the process started (see process-info.ts). */
  started: z.string(),
  ip: z.string(),
  port: z.int(),
  /** Where people open the UI: the port of the bridge's guard. */
  ui_port: z.int(),
  /** Where the UI itself listens; absent when a bridge without a guard started the server. */
  ui: z.object({ ip: z.string(), port: z.int() }).optional(),
  namespace: z.string(),
  /** Absolute path of its database. */
  db: z.string(),
  /** Version of the CLI. */
  version: z.string(),
});

/**
 * The dev server of a data folder, as `<data folder>/temporal.pid` records it. With it, a bridge finds the server that a
 * killed bridge left running.
 */
export type ServerRecord = z.infer<typeof serverRecord>;

/** The dev server's database in a data folder. */
export function databaseIn(dataDir: string): string {
  return join(resolve(dataDir), 'temporal.db');
}

/** The first arguments of every dev server. They identify it among all processes. */
export function firstArguments(db: string): string[] {
  return ['server', 'start-dev', '--db-filename', db];
}

/**
 * The dev server that runs on a data folder: recorded, alive, started when the record says, with this folder's database
 * on its command line. Null when there is none, and always on Windows, where processes cannot be told apart.
 *
 * Not guaranteed: that the server answers.
 */
export function runningServer(dataDir: string): ServerRecord | null {
  const record = readRecord(dataDir);
  if (record === null || record.db !== databaseIn(dataDir)) {
    return null;
  }
  const found = readProcess(record.pid);
  return found !== null &&
    found.started === record.started &&
    found.command.includes(` ${firstArguments(record.db).join(' ')} `)
    ? record
    : null;
}

/** Writes the record: completely or not at all, also when the bridge is killed meanwhile. */
export function writeRecord(dataDir: string, record: ServerRecord): void {
  writeFileAtomic.sync(pidFileIn(dataDir), `${JSON.stringify(record)}\n`, { mode: 0o600 });
}

export function removeRecord(dataDir: string): void {
  rmSync(pidFileIn(dataDir), { force: true });
}

/** `host:port` of the recorded server. */
export function addressOf(record: ServerRecord): string {
  return `${urlHost(record.ip)}:${record.port}`;
}

/** Base address of the recorded server's UI, without a slash at the end. */
export function uiUrlOf(record: ServerRecord): string {
  return `http://${urlHost(record.ip)}:${record.ui_port}`;
}

function readRecord(dataDir: string): ServerRecord | null {
  try {
    const parsed = serverRecord.safeParse(JSON.parse(readFileSync(pidFileIn(dataDir), 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function pidFileIn(dataDir: string): string {
  return join(resolve(dataDir), 'temporal.pid');
}
