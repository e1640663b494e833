import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reload, type Reloaded } from '../../../src/rules/reload/reload';
import { eventOf } from '../load-text';

const STEP = '    do:\n      - slack.post_message: { channel: "#a", text: "{{ id }}" }\n';
const RULE = `  - name: one\n    on: call_hangup\n    when: { direction: inbound }\n${STEP}`;

// Each reload starts a thread, which compiles the program's TypeScript first.
jest.setTimeout(120_000);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reload-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function reloadText(text: string, options: { hash?: string; signal?: AbortSignal } = {}): Promise<Reloaded> {
  const file = join(folder, 'rules.yaml');
  writeFileSync(file, text);
  return reload({
    file,
    hash: options.hash ?? '',
    signal: options.signal ?? new AbortController().signal,
    threadScript: join(__dirname, 'reload-thread.cjs'),
  });
}

test('changed files give a rule set that matches, with the files as they were read', async () => {
  writeFileSync(join(folder, 'more.yaml'), `version: 1\nrules:\n${RULE.replace('one', 'two')}`);
  const reloaded = await reloadText(`version: 1\ninclude: more.yaml\nrules:\n${RULE}`);
  if (reloaded.kind !== 'changed') {
    throw new Error(reloaded.kind);
  }
  const event = eventOf('call_hangup', { id: 'c1', direction: 'incoming' });
  expect(reloaded.ruleSet.matching(event).map(({ name }) => name)).toEqual(['one', 'two']);
  expect(reloaded.ruleSet.hash).toMatch(/^[0-9a-f]{12}$/);
  expect([...reloaded.states.keys()]).toEqual([join(folder, 'rules.yaml'), join(folder, 'more.yaml')]);
});

test('files with the content of the rule set in force are unchanged', async () => {
  const first = await reloadText(`version: 1\nrules:\n${RULE}`);
  const hash = first.kind === 'changed' ? first.ruleSet.hash : '';
  expect(await reloadText(`# a comment\nversion: 1\nrules:\n${RULE}`, { hash })).toMatchObject({ kind: 'unchanged' });
});

test('of 1,500 errors the first 50 are shown, behind no warning', async () => {
  const conditions = Array.from({ length: 1_500 }, (_, n) => `        - { field${n}: 1 }\n`).join('');
  const text = `version: 1\nrules:\n  - name: one\n    on: [custom_type, call_hangup]\n    when:\n      any:\n${conditions}${STEP}`;
  const reloaded = await reloadText(text);
  if (reloaded.kind !== 'refused') {
    throw new Error(reloaded.kind);
  }
  const lines = reloaded.text.split('\n');
  expect([reloaded.errors, reloaded.findings]).toEqual([1_001, 1_002]);
  expect(lines.filter((line) => line.includes('rules.yaml:'))).toHaveLength(50);
  expect(lines[0]).toContain('rules.yaml:7:13  unknown field "field0"');
  expect(lines.at(-1)).toBe(`and 952 more: npx bridge rules check ${join(folder, 'rules.yaml')}`);
});

test('a file that is gone is refused', async () => {
  const reloaded = await reload({
    file: join(folder, 'gone.yaml'),
    hash: '',
    signal: new AbortController().signal,
    threadScript: join(__dirname, 'reload-thread.cjs'),
  });
  expect(reloaded).toMatchObject({ kind: 'refused', errors: 1 });
});

test.each([
  ['memory.yaml', 'checking them takes more than 64 MB of memory'],
  ['throws.yaml', 'the thread that checks them failed (RangeError)'],
  ['ends.yaml', 'the thread that checks them failed (Error)'],
])('a check that fails is no change: %s', async (name, why) => {
  const threadScript = join(__dirname, 'faulty-thread.cjs');
  const { signal } = new AbortController();
  const limits = { checkMs: 60_000, heapMb: 64 };
  expect(await reload({ file: join(folder, name), hash: '', signal, threadScript, limits })).toEqual({
    kind: 'failed',
    why,
  });
});

test('a check that does not end is ended', async () => {
  const threadScript = join(__dirname, 'faulty-thread.cjs');
  const { signal } = new AbortController();
  const limits = { checkMs: 6, heapMb: 64 };
  expect(await reload({ file: join(folder, 'endless.yaml'), hash: '', signal, threadScript, limits })).toEqual({
    kind: 'failed',
    why: 'checking them takes more than 0.0001 minutes',
  });
});

test('other work goes on while many rules are loaded', async () => {
  let turns = 0;
  let runs = true;
  const turn = (): void => {
    turns += 1;
    if (runs) {
      setImmediate(turn);
    }
  };
  setImmediate(turn);
  const rules = Array.from({ length: 400 }, (_, n) => RULE.replace('one', `r${n}`)).join('');
  const reloaded = await reloadText(`version: 1\nrules:\n${rules}`);
  runs = false;
  expect(reloaded.kind === 'changed' ? reloaded.ruleSet.rules.length : reloaded).toBe(400);
  expect(turns).toBeGreaterThan(30);
});

test('a reload ends when it is stopped', async () => {
  const stopped = new AbortController();
  const reloading = reloadText(`version: 1\nrules:\n${RULE}`, { signal: stopped.signal });
  stopped.abort(new Error('the bridge stops'));
  await expect(reloading).rejects.toThrow('the bridge stops');
});
