import { Command, CommanderError } from 'commander';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMANDS } from '../../src/cli/commands';

// All commands are loaded, with what they import.
jest.setTimeout(120_000);

const ROOT = join(__dirname, '..', '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const filesIn = (folder: string, pattern: RegExp): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).flatMap((name) =>
    pattern.test(name) ? [join(folder, name)] : [],
  );

/** Whatever a person reads commands in. */
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...['docs', 'bench', 'deploy', 'config'].flatMap((folder) => filesIn(folder, /\.(?:md|ya?ml)$/)),
];
const SOURCES = ['src', 'workflows', 'activities'].flatMap((folder) => filesIn(folder, /\.ts$/));

/** The real command line, whose commands do nothing. */
async function commandLine(): Promise<Command> {
  const program = new Command('bridge').option('--config <file>');
  for (const { name, define } of COMMANDS) {
    await define(program.command(name));
  }
  disarm(program);
  return program;
}

function disarm(command: Command): void {
  command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  if (command.commands.length === 0) {
    command.action(() => undefined);
  }
  command.commands.forEach(disarm);
}

/** Words as a shell makes them, without redirections and what follows them. */
function wordsOf(line: string): string[] {
  const words = [...line.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) => word.replaceAll(/["']/g, ''));
  const end = words.findIndex((word) => /^(?:\||>|<|&&|#)/.test(word));
  return end < 0 ? words : words.slice(0, end);
}

/** The lines of a document's blocks of code that run the program, as the words after `bridge`. */
function runIn(text: string): string[][] {
  const blocks = [...text.matchAll(/^ *```(\w*)\n(.*?)^ *```$/gms)];
  const lines = blocks.flatMap(([, kind = '', block = '']) => (['', 'sh'].includes(kind) ? block.split('\n') : []));
  return lines.flatMap((line) => {
    const bridge = /^ *\$? ?(?:[A-Z_]+=\S+ )*(?:npx )?bridge (.+)$/.exec(line)?.[1];
    const start = /^ *\$? ?(?:[A-Z_]+=\S+ )*npm start(?: -- (.+))?$/.exec(line.trimEnd());
    return bridge !== undefined ? [wordsOf(bridge)] : start !== null ? [['start', ...wordsOf(start[1] ?? '')]] : [];
  });
}

/** Commands in sentences, comments and messages, as far as they are written there: `events list --since`. */
function namedIn(text: string): string[] {
  const names = COMMANDS.map(({ name }) => name).join('|');
  return [...text.matchAll(new RegExp(`\\bbridge ((?:${names})\\b(?! [a-z]+ing\\b)[^\`\\n|#;,)'"\\\\]*)`, 'g'))].map(
    // A command ends with its sentence.
    ([, line = '']) => line.split(/[.?:] /)[0]?.trim() ?? '',
  );
}

/** What of a command that is named does not exist; null when all of it does. */
function unknownIn(program: Command, line: string): string | null {
  const [name = '', ...words] = line.split(/\s+/);
  let command = program.commands.find((each) => each.name() === name);
  const [sub = ''] = words;
  if (command !== undefined && command.commands.length > 0) {
    const subcommand = command.commands.find((each) => each.name() === sub || each.aliases().includes(sub));
    if (subcommand === undefined) {
      // "bridge events" in a sentence, and "list|show".
      return /^[a-z]+$/.test(sub) && line === `${name} ${sub}` ? line : null;
    }
    command = subcommand;
  }
  const options = words.flatMap((word) => /^(--[a-z-]+)/.exec(word)?.[1] ?? []);
  const known = new Set(['--json', '--help', ...(command?.options ?? []).map(({ long }) => long)]);
  const unknown = options.find((option) => !known.has(option));
  return unknown === undefined ? null : `${line}: ${unknown}`;
}

/** Why the program would refuse the words; null when it takes them. */
async function refusalOf(words: readonly string[]): Promise<string | null> {
  try {
    await (await commandLine()).parseAsync([...words], { from: 'user' });
    return null;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode !== 0) {
      return `${words.join(' ')}: ${error.message}`;
    }
    return error instanceof CommanderError ? null : Promise.reject(error);
  }
}

test.each(DOCUMENTS.filter((document) => runIn(read(document)).length > 0))(
  'the program takes every command that %s shows, as it is printed',
  async (document) => {
    const refused = await Promise.all(runIn(read(document)).map(refusalOf));
    expect(refused.filter((each) => each !== null)).toEqual([]);
  },
);

test('every command exists that documents, comments and messages name, with its options', async () => {
  const program = await commandLine();
  const unknown = [...DOCUMENTS, ...SOURCES].flatMap((file) =>
    namedIn(read(file)).flatMap((line) => {
      const found = unknownIn(program, line);
      return found === null ? [] : [`${file}: ${found}`];
    }),
  );
  expect(unknown).toEqual([]);
});

test('the checks see commands at all, and notice what does not exist', async () => {
  expect(runIn(read('docs/operations.md')).length).toBeGreaterThan(30);
  expect(runIn(read('README.md')).length).toBeGreaterThan(10);
  expect(SOURCES.flatMap((file) => namedIn(read(file))).length).toBeGreaterThan(50);
  const program = await commandLine();
  expect(unknownIn(program, 'events retry --failed --colour')).toContain('--colour');
  expect(unknownIn(program, 'alerts mute')).toBe('alerts mute');
  expect(await refusalOf(['why', '+15551234567', 'today'])).toContain('too many arguments');
  expect(await refusalOf(['backfill'])).toContain('--since');
  expect(await refusalOf(['start', '--mode', 'both'])).toContain('--mode');
});
