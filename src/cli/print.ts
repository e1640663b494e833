import { toJsonText } from '../events/exact-number';
import { printOutput } from '../text/print';
import type { PrintableText } from '../text/printable';

/**
 * Prints a command's result to standard output: as JSON with `--json`, else as text.
 * @param text is called only when it is printed.
 */
export function printResult(asJson: boolean | undefined, value: unknown, text: () => PrintableText): void {
  printOutput(asJson === true ? toJsonText(value, 2) : text());
}
