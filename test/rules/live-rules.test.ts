import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LiveRules } from '../../src/rules/live-rules';
import { loadFiles } from '../../src/rules/reload/load-files';
import { reload, type Reloaded } from '../../src/rules/reload/reload';
import type { RuleSet } from '../../src/rules/rule-set';

const RULES =
  'version: 1\nrules:\n  - name: one\n    on: call_hangup\n    do:\n      - slack.post_message: { channel: "#calls", text: Hello }\n';

// Each reload starts a thread, which compiles the program's TypeScript first.
jest.setTimeout(120_000);

describe('LiveRules', () => {
  let folder: string;
  let file: string;
  let live: LiveRules;
  let heard: ('taken' | 'refused' | 'failed')[];
  let listenerErrors: unknown[];
  let tell: () => void;
  let reloads: number;
  let load: (inForce: RuleSet, signal: AbortSignal) => Promise<Reloaded>;

  /** In a thread, as the bridge does it. */
  function loadInThread(inForce: RuleSet, signal: AbortSignal): Promise<Reloaded> {
    const threadScript = join(__dirname, 'reload', 'reload-thread.cjs');
    return reload({ file, hash: inForce.hash, signal, threadScript });
  }

  /** Waits until something was heard that had not been before. */
  async function next(): Promise<'taken' | 'refused' | 'failed'> {
    const before = heard.length;
    while (heard.length === before) {
      await new Promise<void>((resolve) => {
        tell = resolve;
      });
    }
    return heard.at(-1) ?? 'failed';
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'live-rules-'));
    file = join(folder, 'rules.yaml');
    heard = [];
    listenerErrors = [];
    tell = () => undefined;
    writeFileSync(file, RULES);
    const { loaded, states } = loadFiles(file);
    if (!loaded.ok) {
      throw new Error(JSON.stringify(loaded.findings));
    }
    const hear = (kind: 'taken' | 'refused' | 'failed'): void => {
      heard.push(kind);
      tell();
    };
    reloads = 0;
    load = loadInThread;
    live = new LiveRules(
      { ruleSet: loaded.ruleSet, states },
      (inForce, signal) => {
        reloads += 1;
        return load(inForce, signal);
      },
      {
        onTaken: () => hear('taken'),
        onRefused: () => hear('refused'),
        onFailed: () => hear('failed'),
        onListenerFailed: (error) => listenerErrors.push(error),
      },
    );
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

  it('calls the other listeners, and goes on, when one of them fails', async () => {
    const full = new Error('the disk is full');
    const taken: string[] = [];
    live.onTaken(() => {
      throw full;
    });
    live.onTaken((ruleSet) => taken.push(ruleSet.hash));
    writeFileSync(file, RULES.replace('one', 'another'));
    await next();
    writeFileSync(file, RULES.replace('one', 'a-third'));
    await next();
    await new Promise(setImmediate);
    expect(listenerErrors).toEqual([full, full]);
    expect(taken).toHaveLength(2);
    expect(taken[1]).toBe(live.ruleSet.hash);
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

  it('keeps the rules when the files cannot be checked, says why, and takes the next change', async () => {
    const before = live.ruleSet;
    load = () => Promise.resolve({ kind: 'failed', why: 'checking them takes too long' });
    writeFileSync(file, RULES.replace('one', 'another'));
    expect(await next()).toBe('failed');
    expect(live.ruleSet).toBe(before);
    expect(live.problem()).toMatch(/cannot be checked: checking them takes too long; rule set \w+ stays in force/);
    load = loadInThread;
    writeFileSync(file, RULES.replace('one', 'a-third'));
    expect(await next()).toBe('taken');
    expect(live.problem()).toBeNull();
  });

  it('takes nothing after it was stopped', async () => {
    let finishReload: (reloaded: Reloaded) => void = () => undefined;
    const before = live.ruleSet;
    const began = new Promise<AbortSignal>((resolve) => {
      load = (_inForce, signal) => {
        resolve(signal);
        return new Promise((taken) => {
          finishReload = taken;
        });
      };
    });
    writeFileSync(file, RULES.replace('one', 'another'));
    const signal = await began;
    live.stop();
    expect(signal.aborted).toBe(true);
    finishReload({ kind: 'failed', why: 'too late' });
    await new Promise(setImmediate);
    expect([heard, live.ruleSet, live.problem(), reloads]).toEqual([[], before, null, 1]);
  });

  it('polls again only when a reload has ended, however long that takes', async () => {
    live.stop();
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    try {
      const { states } = loadFiles(file);
      let finishReload: (reloaded: Reloaded) => void = () => undefined;
      let began = 0;
      const slow = new LiveRules(
        { ruleSet: live.ruleSet, states },
        () => {
          began += 1;
          return new Promise((resolve) => {
            finishReload = resolve;
          });
        },
        {
          onTaken: () => undefined,
          onRefused: () => undefined,
          onFailed: () => undefined,
          onListenerFailed: () => undefined,
        },
      );
      writeFileSync(file, RULES.replace('one', 'another'));
      jest.advanceTimersByTime(60_000);
      expect(began).toBe(1);
      // The states of before: as for a file that was saved again meanwhile.
      finishReload({ kind: 'unchanged', states });
      await new Promise(setImmediate);
      jest.advanceTimersByTime(1_000);
      expect(began).toBe(2);
      slow.stop();
    } finally {
      jest.useRealTimers();
    }
  });
});
