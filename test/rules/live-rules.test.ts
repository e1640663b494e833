import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { actionCatalogue } from '../../src/connectors/registry';
import { LiveRules } from '../../src/rules/live-rules';
import { loadRules, type LoadedRules } from '../../src/rules/parse/load';

const RULES =
  'version: 1\nrules:\n  - name: one\n    on: call_hangup\n    do:\n      - slack.post_message: { channel: "#calls", text: Hello }\n';

describe('LiveRules', () => {
  let folder: string;
  let file: string;
  let live: LiveRules;
  let heard: { kind: 'taken' | 'refused'; loaded: LoadedRules }[];
  let tell: () => void;

  function load(): LoadedRules {
    return loadRules({ file, actions: actionCatalogue });
  }

  /** Waits until something was heard that had not been before. */
  async function next(): Promise<'taken' | 'refused'> {
    const before = heard.length;
    while (heard.length === before) {
      await new Promise<void>((resolve) => {
        tell = resolve;
      });
    }
    return heard.at(-1)?.kind ?? 'refused';
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'live-rules-'));
    file = join(folder, 'rules.yaml');
    heard = [];
    tell = () => undefined;
    writeFileSync(file, RULES);
    const loaded = load();
    if (!loaded.ok) {
      throw new Error(JSON.stringify(loaded.findings));
    }
    const hear = (kind: 'taken' | 'refused', from: LoadedRules): void => {
      heard.push({ kind, loaded: from });
      tell();
    };
    live = new LiveRules(loaded, load, {
      onTaken: (_ruleSet, from) => hear('taken', from),
      onRefused: (from) => hear('refused', from),
    });
  });

  afterEach(() => {
    live.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('takes a saved file', async () => {
    const before = live.ruleSet.hash;
    writeFileSync(file, RULES.replace('one', 'another'));
    expect(await next()).toBe('taken');
    expect(live.ruleSet.hash).not.toBe(before);
    expect(live.ruleSet.rules.map((rule) => rule.name)).toEqual(['another']);
  });

  it('takes a file that an editor put in its place by renaming', async () => {
    writeFileSync(join(folder, 'new.yaml'), RULES.replace('one', 'another'));
    renameSync(join(folder, 'new.yaml'), file);
    expect(await next()).toBe('taken');
  });

  it('keeps the rules before a faulty file, says so, and takes the mended one', async () => {
    const before = live.ruleSet;
    writeFileSync(file, 'version: 1\nrules: [');
    expect(await next()).toBe('refused');
    expect(live.ruleSet).toBe(before);
    expect(live.problem()).toMatch(/1 error.*stays in force/);
    writeFileSync(file, RULES.replace('one', 'another'));
    expect(await next()).toBe('taken');
    expect(live.problem()).toBeNull();
  });

  it('says that a file is in force again when its errors are taken back', async () => {
    const before = live.ruleSet.hash;
    writeFileSync(file, 'version: 1\nrules: [');
    expect(await next()).toBe('refused');
    writeFileSync(file, RULES);
    expect(await next()).toBe('taken');
    expect([live.ruleSet.hash, live.problem()]).toEqual([before, null]);
  });

  it('survives a file that is gone', async () => {
    rmSync(file);
    expect(await next()).toBe('refused');
    expect(live.ruleSet.rules).toHaveLength(1);
  });
});
