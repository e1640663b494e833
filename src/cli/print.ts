/**
 * Prints a command's result to standard output: as JSON with `--json`, else as text.
 * @param text is called only when it is printed.
 */
export function printResult(asJson: boolean | undefined, value: unknown, text: () => string): void {
  process.stdout.write(`${asJson === true ? JSON.stringify(value, null, 2) : text()}\n`);
}
