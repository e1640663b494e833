import { visible } from './printable';

/** Prints a text and a line feed to standard output, made {@link visible}. */
export function printOutput(text: string): void {
  process.stdout.write(`${visible(text)}\n`);
}

/** Prints a text and a line feed to standard error, made {@link visible}. */
export function printMessage(text: string): void {
  process.stderr.write(`${visible(text)}\n`);
}
