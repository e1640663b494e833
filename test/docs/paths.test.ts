import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '..', '..');
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...['docs', 'docs/decisions'].flatMap((folder) =>
    readdirSync(join(ROOT, folder)).flatMap((name) => (name.endsWith('.md') ? [`${folder}/${name}`] : [])),
  ),
];
/** Named in the documents as what somebody would add. */
const NOT_YET = /^(?:src|test)\/(?:connectors\/ntfy|console)\//;

/** Files and folders that a line of a document names: relative links, and paths in code font. */
function pathsIn(document: string, line: string): string[] {
  const links = [...line.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => join(dirname(document), link));
  let folder: string | null = null;
  const named: string[] = [];
  for (const [, path = ''] of line.matchAll(/`([\w.-]+(?:\/[\w.-]+)*\/?)`/g)) {
    if (/^(?:src|workflows|activities|test|bench|config|docs|deploy)\//.test(path)) {
      named.push(path);
      folder = path.endsWith('/') ? path : dirname(path);
    } else if (folder !== null && /^[\w-]+\.(?:test\.)?ts$/.test(path)) {
      // `src/inbox/inbox.ts`, `other-file-beside-it.ts`
      named.push(join(folder, path));
    }
  }
  return [...links, ...named.filter((path) => !NOT_YET.test(path))];
}

test.each(DOCUMENTS)('every file that %s names exists', (document) => {
  const lines = readFileSync(join(ROOT, document), 'utf8').split('\n');
  const missing = lines.flatMap((line, index) =>
    pathsIn(document, line).flatMap((path) => (existsSync(join(ROOT, path)) ? [] : [`line ${index + 1}: ${path}`])),
  );
  expect(missing).toEqual([]);
});

test('the documents name files at all', () => {
  const text = readFileSync(join(ROOT, 'docs', 'architecture.md'), 'utf8');
  expect(text.split('\n').flatMap((line) => pathsIn('docs/architecture.md', line)).length).toBeGreaterThan(40);
});
