/**
 * Where a setting was read: in the file, in the environment, or nowhere (it is missing). Lines and columns count from
 * 1.
 */
export type Source =
  | { kind: 'file'; file: string; line: number; column: number }
  | { kind: 'environment'; name: string }
  | { kind: 'nowhere' };

/** Something wrong with a setting. */
export interface SettingFault {
  /** Dotted, as in the file: `receiver.port`. Empty for the file as a whole. */
  setting: string;
  /** The environment variable that sets it too; null when there is none. */
  variable: string | null;
  source: Source;
  /** What is wrong, one clause without a full stop. Never the value: it may be a secret. */
  message: string;
  /** How to mend it, where the message does not say so already. */
  hint?: string;
}

/** A fault in a line: `config/bridge.yaml:12:9  receiver.port (PORT): expected a port; ...` */
export function formatFault(fault: SettingFault): string {
  const name =
    fault.variable === null || fault.source.kind === 'environment'
      ? fault.setting
      : `${fault.setting} (${fault.variable})`;
  const what = name === '' ? fault.message : `${name}: ${fault.message}`;
  const mend = fault.hint === undefined ? '' : `; ${fault.hint}`;
  return `${formatSource(fault.source)}  ${what}${mend}`;
}

function formatSource(source: Source): string {
  switch (source.kind) {
    case 'file':
      return `${source.file}:${source.line}:${source.column}`;
    case 'environment':
      return `environment ${source.name}`;
    case 'nowhere':
      return 'settings';
  }
}
