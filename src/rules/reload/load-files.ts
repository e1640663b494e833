import { statSync } from 'node:fs';
import { actionCatalogue } from '../../connectors/registry';
import { loadRules, type LoadedRules } from '../parse/load';
import { diskReader } from '../parse/rule-files';

/** Size, modification time and inode of files, by path: one of them changes when a file is saved. */
export type FileStates = ReadonlyMap<string, string>;

/** The state of a file; also of one that is missing. */
export function stateOf(file: string): string {
  try {
    const { size, mtimeMs, ino } = statSync(file);
    return `${size} ${mtimeMs} ${ino}`;
  } catch {
    return 'missing';
  }
}

/** Rule files as they were loaded. */
export interface LoadedFiles {
  loaded: LoadedRules;
  /** The files as they were before each was read: a later state is a change that is not loaded. */
  states: FileStates;
  /** The text of a file that was read; null for one that could not be. */
  textOf: (file: string) => string | null;
}

/** Loads a rule file and its includes from disk, with every action that the bridge has. */
export function loadFiles(file: string): LoadedFiles {
  const states = new Map<string, string>();
  const texts = new Map<string, string>();
  const read = diskReader(file);
  const loaded = loadRules({
    file,
    actions: actionCatalogue,
    readFile: (path) => {
      states.set(path, stateOf(path));
      const text = read(path);
      texts.set(path, text);
      return text;
    },
  });
  return { loaded, states, textOf: (path) => texts.get(path) ?? null };
}
