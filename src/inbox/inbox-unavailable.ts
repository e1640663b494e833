import { isCorruption, sqliteCode } from '../storage/sqlite';

const CAUSES: readonly (readonly [prefix: string, text: string])[] = [
  ['SQLITE_FULL', 'the disk is full: free some space, or shorten the retention'],
  [
    'SQLITE_READONLY',
    'the data folder cannot be written: check its permissions and whether the disk is mounted read-only',
  ],
  ['SQLITE_CANTOPEN', 'inbox.db cannot be opened: check the data folder and its permissions'],
  ['SQLITE_PERM', 'the data folder cannot be written: check its permissions'],
  ['SQLITE_IOERR', 'the disk does not accept writes: check its space, its quota and its health'],
  ['SQLITE_BUSY', 'another program has locked inbox.db'],
  ['SQLITE_LOCKED', 'another program has locked inbox.db'],
  ['ENOSPC', 'the disk is full: free some space, or shorten the retention'],
  ['EDQUOT', 'the disk quota is used up: free some space, or shorten the retention'],
  ['EROFS', 'the data folder cannot be written: check its permissions and whether the disk is mounted read-only'],
  ['EACCES', 'the data folder cannot be written: check its permissions'],
  ['EPERM', 'the data folder cannot be written: check its permissions'],
  ['ENOENT', 'the data folder is missing: was it removed or unmounted?'],
  ['EMFILE', 'this process has too many files open: raise its limit (ulimit -n)'],
  ['EIO', 'the disk does not accept writes: check its space, its quota and its health'],
  ['EFBIG', 'the disk does not accept writes: check its space, its quota and its health'],
];

/** The code of SQLite (`SQLITE_FULL`) or of the system (`ENOSPC`) for an error; undefined for other errors. */
function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return sqliteCode(error) ?? (code !== undefined && CAUSES.some(([prefix]) => prefix === code) ? code : undefined);
}

/** What an error means for the operator, in one sentence. */
function causeOf(error: unknown): string {
  if (isCorruption(error)) {
    return 'inbox.db is damaged: restart the bridge, which keeps what is readable and sets the damaged file aside';
  }
  const code = codeOf(error) ?? '';
  return CAUSES.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'inbox.db could not be written';
}

/**
 * Nothing can be stored at present, so nothing may be acknowledged: the receiver answers 503. The inbox tries again by
 * itself. Only a damaged file needs a restart.
 */
export class InboxUnavailable extends Error {
  override readonly name = 'InboxUnavailable';
  /**
   * A code of SQLite (`SQLITE_FULL`) or of the system (`ENOSPC`), or `slow`, `busy`, `writer_ended`, `closed`,
   * `journal_newer`, `unknown`.
   */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** The error for a failed write or open. */
  static of(error: unknown): InboxUnavailable {
    return error instanceof InboxUnavailable
      ? error
      : new InboxUnavailable(codeOf(error) ?? 'unknown', `events cannot be kept: ${causeOf(error)}`, { cause: error });
  }
}

/** Whether an error concerns the disk or the file as a whole, so that no single record can be the cause. */
export function isArchiveWide(error: unknown): boolean {
  const code = codeOf(error);
  return (
    error instanceof InboxUnavailable ||
    (code !== undefined && (isCorruption(error) || CAUSES.some(([prefix]) => code.startsWith(prefix))))
  );
}

/** Why nothing can be stored at present. */
export interface InboxProblem {
  /** See {@link InboxUnavailable.code}. */
  code: string;
  /** For people: what is wrong and what to do. */
  message: string;
  since: Date;
}
