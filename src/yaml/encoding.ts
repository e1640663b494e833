import type { Findings } from './finding';
import type { BadByte } from './text-file';

/** Reports the first byte of a file that is not UTF-8, with what it probably was meant to be. */
export function reportBadByte(file: string, { line, column, byte }: BadByte, findings: Findings): void {
  const meant = new TextDecoder('windows-1252').decode(Uint8Array.of(byte));
  // Windows-1252 has letters and signs here; its control characters say nothing.
  const inWindows =
    byte >= 0xa0 || /[\u2000-\u2122\u0152-\u02dc]/.test(meant) ? ` (in Windows-1252 it is ${meant})` : '';
  const hex = byte.toString(16).toUpperCase().padStart(2, '0');
  findings.error({ file, line, column }, 'encoding', `the byte 0x${hex} is not UTF-8${inWindows}`, {
    hint: 'save the file as UTF-8',
  });
}
