import { isCorruption, sqliteCode } from '../storage/sqlite';

const CAUSES: readonly (readonly [prefix: string, text: string])[] = [
  ['SQLITE_FULL', 'the disk is full: free some space, or shorten the retention'],
  [
    'SQLITE_READONLY',
    'the data folder cannot be written: check its permissions and whether the disk is mounted read-only',
  ],
  ['SQLITE_CANTOPEN', 'the store cannot be opened: check the data folder and its permissions'],
  ['SQLITE_PERM', 'the data folder cannot be written: check its permissions'],
  ['SQLITE_IOERR', 'the disk does not take writes: check its space, its quota and its health'],
  ['SQLITE_BUSY', 'another program holds the store locked'],
  ['SQLITE_LOCKED', 'another program holds the store locked'],
  ['ENOSPC', 'the disk is full: free some space, or shorten the retention'],
  ['EDQUOT', 'the disk quota is used up: free some space, or shorten the retention'],
  ['EROFS', 'the data folder cannot be written: check its permissions and whether the disk is mounted read-only'],
  ['EACCES', 'the data folder cannot be written: check its permissions'],
  ['EPERM', 'the data folder cannot be written: check its permissions'],
  ['ENOENT', 'the data folder is gone: was it removed or unmounted?'],
  ['EMFILE', 'this process has too many files open: raise its limit (ulimit -n)'],
  ['EIO', 'the disk does not take writes: check its space, its quota and its health'],
  ['EFBIG', 'the disk does not take writes: check its space, its quota and its health'],
];

/** SQLite's name for what went wrong (`SQLITE_FULL`), or the system's (`ENOSPC`); undefined for other errors. */
function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return sqliteCode(error) ?? (code !== undefined && CAUSES.some(([prefix]) => prefix === code) ? code : undefined);
}

/** What a store's failure means for the operator, in one sentence. */
function causeOf(error: unknown): string {
  if (isCorruption(error)) {
    return 'the store is damaged: restart the bridge, it keeps what is readable and sets the damaged file aside';
  }
  const code = codeOf(error) ?? '';
  return CAUSES.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'the store failed';
}

/**
 * Nothing can be kept at the moment, so nothing may be acknowledged: the receiver answers 503.
 * The inbox tries again by itself; nobody has to restart anything, but for damage.
 */
export class InboxUnavailable extends Error {
  override readonly name = 'InboxUnavailable';
  /**
   * SQLite's name for it (`SQLITE_FULL`), the system's (`ENOSPC`), `slow`, `busy`, `indexer_ended`, `closed`, or
   * `unknown`.
   */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** What a failed write or open means. */
  static of(error: unknown): InboxUnavailable {
    return error instanceof InboxUnavailable
      ? error
      : new InboxUnavailable(codeOf(error) ?? 'unknown', `events cannot be kept: ${causeOf(error)}`, { cause: error });
  }
}

/** Whether an error is about the disk or file as a whole, so that no single entry can be to blame. */
export function isStoreWide(error: unknown): boolean {
  const code = codeOf(error);
  return (
    error instanceof InboxUnavailable ||
    (code !== undefined && (isCorruption(error) || CAUSES.some(([prefix]) => code.startsWith(prefix))))
  );
}

/** Why nothing can be kept at present. */
export interface InboxProblem {
  /** SQLite's name (`SQLITE_FULL`), the system's (`ENOSPC`), `slow`, `indexer_ended`, or `unknown`. */
  code: string;
  /** For people: what is wrong and what to do. */
  message: string;
  since: Date;
}
