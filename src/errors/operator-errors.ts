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
}
