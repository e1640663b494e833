import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alertRoutes } from '../../src/alerts/routes';
import { operationRoutes } from '../../src/operations/routes';
import { webhookRoutes } from '../../src/operations/webhook/routes';
import { connectionRoutes } from '../../src/service/connections-api';

const ROOT = join(__dirname, '..', '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const DOCUMENTS = ['README.md', ...readdirSync(join(ROOT, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : []))];

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
