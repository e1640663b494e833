import type { StartErrorCode } from './start-errors';

/** Exit code of a command that did what it was asked, or whose answer is yes. */
export const EXIT_OK = 0;
/** Exit code of a command whose answer is no: a rule file has errors, an event is unknown, the bridge refused an event. */
export const EXIT_FAILED = 1;
/** Exit code of wrong use: an unknown option, a missing file, invalid settings. */
export const EXIT_USAGE = 2;

/** Ends the command with {@link EXIT_USAGE}. The message is printed: it says what is wrong and what to type instead. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse';
}

/** Ends the command with {@link EXIT_FAILED}. The message is printed: it says what failed and what to do. */
export class OperationFailed extends Error {
  override readonly name = 'OperationFailed';

  /** @param code printed with the message, so that it can be found in docs/errors.md; null for what is not an error. */
  constructor(
    message: string,
    readonly code: StartErrorCode | null = null,
  ) {
    super(message);
  }
}

/** Points to the description of a coded error. */
export function errorReferenceLine(code: StartErrorCode): string {
  return `This error is described in docs/errors.md: ${code}`;
}
