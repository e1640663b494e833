import { Command } from 'commander';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alertRoutes } from '../../src/alerts/routes';
import { defineAlerts } from '../../src/cli/alerts';
import { defineAudit } from '../../src/cli/audit';
import { defineBackfill } from '../../src/cli/backfill';
import { defineBackup, defineRestore } from '../../src/cli/backup';
import { defineConnections } from '../../src/cli/connections';
import { defineEvents } from '../../src/cli/events';
import { defineForget } from '../../src/cli/forget';
import { defineJobs } from '../../src/cli/jobs';
import { defineRules } from '../../src/cli/rules';
import { defineSend } from '../../src/cli/send';
import { defineWebhook } from '../../src/cli/webhook';
import { operationRoutes } from '../../src/operations/routes';
import { webhookRoutes } from '../../src/operations/webhook/routes';
import { connectionRoutes } from '../../src/service/connections-api';

const ROOT = join(__dirname, '..', '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const DOCUMENTS = ['README.md', ...readdirSync(join(ROOT, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : []))];

const COMMANDS: Readonly<Record<string, (command: Command) => void>> = {
  alerts: defineAlerts,
  audit: defineAudit,
  backfill: defineBackfill,
  backup: defineBackup,
  connections: defineConnections,
  events: defineEvents,
  forget: defineForget,
  jobs: defineJobs,
  restore: defineRestore,
  rules: defineRules,
  send: defineSend,
  webhook: defineWebhook,
};

/** The commands in a document, as `bridge events list --since 24h`. */
function commandsIn(text: string): string[] {
  const names = Object.keys(COMMANDS).join('|');
  return [...text.matchAll(new RegExp(`(?:^|\`|npx )bridge ((?:${names})\\b[^\`\\n|#;]*)`, 'gm'))].map(([, line = '']) => line.trim());
}

/** What of a command does not exist; null when all of it does. */
function unknownIn(line: string): string | null {
  const [name = '', ...words] = line.split(/\s+/);
  let command = new Command(name);
  COMMANDS[name]?.(command);
  const [sub = ''] = words;
  const subcommand = command.commands.find((each) => each.name() === sub);
  if (command.commands.length > 0 && subcommand === undefined) {
    // "bridge events" in a sentence, and "list|show".
    return /^[a-z]+$/.test(sub) && line === `${name} ${sub}` ? `${name} ${sub}` : null;
  }
  command = subcommand ?? command;
  const options = words.flatMap((word) => /^(--[a-z-]+)/.exec(word)?.[1] ?? []);
  const unknown = options.find((option) => !['--json', '--help'].includes(option) && !command.options.some(({ long }) => long === option));
  return unknown === undefined ? null : `${line}: ${unknown}`;
}

test.each(DOCUMENTS)('every operator command that %s shows exists, with its options', (document) => {
  expect(commandsIn(read(document)).flatMap((line) => unknownIn(line) ?? [])).toEqual([]);
});

test('the manual shows commands at all, and the check notices an option that does not exist', () => {
  expect(commandsIn(read('docs/operations.md')).length).toBeGreaterThan(30);
  expect(unknownIn('events retry --failed --colour')).toContain('--colour');
  expect(unknownIn('alerts mute')).toBe('alerts mute');
});

/** As GitHub makes them of headings. */
function anchorsOf(document: string): string[] {
  return [...read(document).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test.each(DOCUMENTS)('every heading that %s links to exists', (document) => {
  const folder = document.includes('/') ? 'docs' : '';
  const missing = [...read(document).matchAll(/\]\(([\w./-]*)#([^)]+)\)/g)].flatMap(([, path = '', anchor = '']) => {
    const target = path === '' ? document : join(folder, path);
    return target.endsWith('.md') && !anchorsOf(target).includes(anchor) ? [`${target}#${anchor}`] : [];
  });
  expect(missing).toEqual([]);
});

test('the reference of the API has every call, and no other', () => {
  const never = (): never => {
    throw new Error('no call is made');
  };
  const routes = [
    // Only their paths are read; what they call is not needed.
    ...operationRoutes({} as Parameters<typeof operationRoutes>[0]),
    ...alertRoutes({ routes: never, record: never } as unknown as Parameters<typeof alertRoutes>[0]),
    ...connectionRoutes({ mode: 'all', ask: never, rules: never, record: never }),
    ...webhookRoutes({} as Parameters<typeof webhookRoutes>[0]),
  ].map(({ method, path }) => `${method} ${path}`);
  const text = read('docs/operations.md');
  const documented = [...text.slice(text.indexOf('## API')).matchAll(/^\| `(GET|POST) (\/[\w/:-]+)/gm)].map(
    ([, method = '', path = '']) => `${method} ${path}`,
  );
  // A call with two uses has a row for each.
  expect([...new Set(documented)].toSorted()).toEqual(routes.toSorted());
});

test('docs/architecture.md and CONTRIBUTING.md describe every room', () => {
  const rooms = readdirSync(join(ROOT, 'src'));
  const table = read('docs/architecture.md');
  const tree = read('CONTRIBUTING.md');
  expect(rooms.filter((room) => !new RegExp(`[|·] \`${room}\`(?: |$)`, 'm').test(table))).toEqual([]);
  expect(rooms.filter((room) => !tree.includes(`\n  ${room}/`))).toEqual([]);
});
