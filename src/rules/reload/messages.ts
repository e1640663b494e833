import type { PrintableText } from '../../text/printable';
import type { Heartbeat } from '../alert-route';
import type { FileStates } from './load-files';
import type { RuleSetPart } from './parts';

/** What the thread that checks rule files starts with. */
export interface ReloadStart {
  /** Path of the main file. */
  file: string;
  /** The rule set in force. */
  hash: string;
}

/** What the thread answers; `part` only to {@link ToReloadThread}. `states`: the files as they were when they were read. */
export type FromReloadThread =
  | { type: 'unchanged'; states: FileStates }
  | { type: 'changed'; states: FileStates; hash: string; heartbeat: Heartbeat | null }
  /** `text`: the first findings for people. */
  | { type: 'refused'; states: FileStates; errors: number; findings: number; text: PrintableText }
  /** Null after the last part. */
  | { type: 'part'; part: RuleSetPart | null };

/** Asks for the next part. */
export interface ToReloadThread {
  type: 'next';
}
