/** Exit codes of every command (DESIGN "Names"). */
export const FINE = 0;
/** The answer is no: a rule file has faults, an event is unknown, a send was refused. */
export const NO = 1;
/** Wrong use: an unknown option, a missing file, settings with faults. */
export const WRONG_USE = 2;

/** Ends the command with {@link WRONG_USE}; the message is for the person who typed it. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse';
}

/** Ends the command with {@link NO}. */
export class Refused extends Error {
  override readonly name = 'Refused';
}
