import { readFileSync } from 'node:fs';

/** How many connections the webhook keeps open. */
export interface ConnectionLimits {
  total: number;
  /** Of one IPv4 address, or of one /64 network of IPv6. Trusted proxies have no such limit. */
  perAddress: number;
}

/** What a receiver uses where enough files may be open. */
export const DEFAULT_CONNECTION_LIMITS: ConnectionLimits = { total: 4_096, perAddress: 1_024 };

/** Open files that the bridge needs for anything but connections to the webhook: databases, Temporal, providers. */
const OTHER_FILES = 500;

/**
 * The connections that fit into the number of files that a process may open. When there are no more, the system refuses
 * each new connection, the sender's too, and none gives way: strangers would keep the webhook shut.
 *
 * @param openFiles null when it is unknown, or there is no limit.
 */
export function connectionLimitsFor(openFiles: number | null): ConnectionLimits {
  const { total, perAddress } = DEFAULT_CONNECTION_LIMITS;
  const fitting = openFiles === null ? total : Math.max(openFiles - OTHER_FILES, Math.floor(openFiles / 4), 1);
  return fitting >= total ? { total, perAddress } : { total: fitting, perAddress: Math.ceil(fitting / 4) };
}

/**
 * How many files this process may open; null where the system does not say (only Linux does). Node raises the limit to
 * the hard one when it starts (`ulimit -Hn`).
 */
export function openFilesLimit(limits: string = '/proc/self/limits'): number | null {
  try {
    const [, soft] = /^Max open files\s+(\d+)\s/m.exec(readFileSync(limits, 'utf8')) ?? [];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}
