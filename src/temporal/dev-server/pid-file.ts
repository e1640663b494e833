import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { lookAtProcess } from './process-info';

const serverRecord = z.object({
  pid: z.int().positive(),
  /** When the process started (see living-process.ts). */
  started: z.string(),
  ip: z.string(),
  port: z.int(),
  ui_port: z.int(),
  namespace: z.string(),
  /** Absolute path of its database. */
  db: z.string(),
  /** Version of the CLI. */
  version: z.string(),
});

/**
 * What `<data folder>/temporal.pid` says of the embedded server, so that the next bridge finds it when this one was
 * killed.
 */
export type ServerRecord = z.infer<typeof serverRecord>;

/** The embedded server's database in a data folder. */
export function databaseIn(dataDir: string): string {
  return join(resolve(dataDir), 'temporal.db');
}

/** The first arguments of every embedded server: how it is known again among all processes. */
export function firstArguments(db: string): string[] {
  return ['server', 'start-dev', '--db-filename', db];
}

/**
 * The embedded server of a data folder that is running now: recorded, alive, started when the record says, and with our
 * database on its command line. Says nothing about its health. Null on Windows, where a process cannot be told from
 * another.
 */
export function runningServer(dataDir: string): ServerRecord | null {
  const record = readRecord(dataDir);
  if (record === null || record.db !== databaseIn(dataDir)) {
    return null;
  }
  const found = lookAtProcess(record.pid);
  return found !== null &&
    found.started === record.started &&
    found.command.includes(` ${firstArguments(record.db).join(' ')} `)
    ? record
    : null;
}

export function writeRecord(dataDir: string, record: ServerRecord): void {
  const path = pathIn(dataDir);
  writeFileSync(`${path}.new`, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function removeRecord(dataDir: string): void {
  rmSync(pathIn(dataDir), { force: true });
}

function readRecord(dataDir: string): ServerRecord | null {
  try {
    const parsed = serverRecord.safeParse(JSON.parse(readFileSync(pathIn(dataDir), 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function pathIn(dataDir: string): string {
  return join(resolve(dataDir), 'temporal.pid');
}
