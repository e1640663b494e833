import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatFinding, formatFindings } from '../../../src/yaml/format-findings';
import { loadRules } from '../../../src/rules/parse/load';
import { describeFindings, readRules } from '../../../src/service/rules-in-force';
import { testActions } from '../catalogue';
import { FAULTY_FILES } from './faulty-files';
import { findingsOf, loadTexts, ruleSetOf } from '../load-text';

const rule = (name: string, more = ''): string =>
  `  - name: ${name}\n    on: call_hangup\n${more}    do: [{ http.request: { url: "https://example.com/" } }]\n`;
const file = (...rules: string[]): string => `version: 1\nrules:\n${rules.join('')}`;

test.each(FAULTY_FILES)('reports: $about', ({ text, says }) => {
  expect(findingsOf(text)).toEqual(says.map((one) => `rules.yaml:${one}`));
});

test('every faulty file in the table has its own description', () => {
  expect(FAULTY_FILES.length).toBeGreaterThan(100);
  expect(new Set(FAULTY_FILES.map(({ about }) => about)).size).toBe(FAULTY_FILES.length);
});

test('reports all findings of a file at once, in reading order, with the line and a caret', () => {
  const text = `version: 1
rules:
  - name: a
    on: call_hungpu
    when:
      direciton: inbound
      duration_s: "60"
    do:
      - slack.post_message: { channel: "#c", txt: "{{ id }}", text: "{{ nobody }}" }
`;
  const loaded = loadTexts({ 'config/rules.yaml': text });
  expect(loaded.ok).toBe(false);
  expect(formatFindings(loaded.findings, () => text)).toBe(
    [
      'config/rules.yaml:4:9  there is no event type "call_hungpu"; did you mean "call_hungup"?',
      '        on: call_hungpu',
      '            ^',
      'config/rules.yaml:6:7  unknown field "direciton"; did you mean "direction"?',
      '          direciton: inbound',
      '          ^',
      'config/rules.yaml:7:19  duration_s is a number of seconds, not the text "60"; did you mean 60, without quotes?',
      '          duration_s: "60"',
      '                      ^',
      'config/rules.yaml:9:46  slack.post_message has no input "txt"; did you mean "text"?',
      '          - slack.post_message: { channel: "#c", txt: "{{ id }}", text: "{{ nobody }}" }',
      '                                                 ^',
      'config/rules.yaml:9:73  there is no variable "nobody"; fields of the payload are under data: data.nobody',
      '          - slack.post_message: { channel: "#c", txt: "{{ id }}", text: "{{ nobody }}" }',
      '                                                                            ^',
    ].join('\n'),
  );
});

describe('values that YAML would spoil', () => {
  test.each([
    ['+15551234567', 'peer.number: +15551234567', '+15551234567'],
    ['0211112222', 'peer.number: 0211112222', '+82211112222'],
    ['NO', 'text: NO', 'NO'],
    ['1e10', 'text: 1e10', '1e10'],
    ['12:30', 'text: 12:30', '12:30'],
    ['0x1F', 'text: 0x1F', '0x1F'],
    ['0o17', 'text: 0o17', '0o17'],
  ])('%s stays a text', (_, condition, value) => {
    const set = ruleSetOf(
      `version: 1\ndefaults: { country: KR }\nrules:\n${rule('r', `    when: { ${condition} }\n`)}`,
    );
    expect(set.rules[0]?.when).toMatchObject({ of: [{ test: { operator: 'one_of', values: [value] } }] });
  });
});

describe('harmful files are refused', () => {
  test.each([
    [
      'too large',
      `version: 1\n#${'x'.repeat(2_000_001)}`,
      'the file has 2000013 characters; the limit is 2000000; split it with include',
    ],
    ['too deep', `version: 1\nlists: { a: ${'['.repeat(200)}${']'.repeat(200)} }\n`, 'nested more than 40 levels deep'],
    [
      'alias bomb',
      `version: 1\na: &a [x, x, x, x, x, x, x, x, x]\n${['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']
        .map(
          (one, index) =>
            `${one}: &${one} [${Array(9)
              .fill(`*${'abcdefgh'[index] ?? ''}`)
              .join(', ')}]\n`,
        )
        .join('')}`,
      'anchors and aliases (& and *) are not supported; put a text that starts with & or * in quotes',
    ],
  ])('%s', (_, text, says) => {
    expect(findingsOf(text)[0]).toContain(says);
  });

  test('names of the prototype are keys like any other', () => {
    expect(findingsOf('version: 1\n__proto__: { polluted: true }\nconstructor: 1\nrules: []\n')).toEqual([
      'rules.yaml:2:1  a rule file has no key "__proto__"',
      'rules.yaml:3:1  a rule file has no key "constructor"',
    ]);
    expect(findingsOf(file(rule('r', '    when: { data.__proto__: x, toString: y }\n')))).toEqual([
      'rules.yaml:5:32  unknown field "toString"; fields of the payload are under data: data.toString',
    ]);
  });
});

describe('several files', () => {
  const main = `version: 1\ninclude: [lists.yaml, more/rules.yaml]\n${file(rule('first', '    when: { ours.number: { in: $sales }, during: office }\n')).slice('version: 1\n'.length)}`;
  const lists = 'version: 1\nlists: { sales: ["+15551234567"] }\nwindows: { office: { days: mon-fri } }\n';

  test('are one set: lists, windows and rules together, the rules in the order of the files', () => {
    const loaded = loadTexts({
      'conf/rules.yaml': main,
      'conf/lists.yaml': lists,
      'conf/more/rules.yaml': file(rule('second')),
    });
    expect(loaded.findings.map(formatFinding)).toEqual([]);
    expect(loaded).toMatchObject({ ok: true, ruleSet: { rules: [{ name: 'first' }, { name: 'second' }] } });
    expect(loaded.files).toEqual(['conf/rules.yaml', 'conf/lists.yaml', 'conf/more/rules.yaml']);
  });

  test.each([
    [
      'twice',
      { 'a.yaml': 'version: 1\ninclude: [b.yaml, b.yaml]\nrules: []\n', 'b.yaml': file(rule('r')) },
      'a.yaml:2:19  "b.yaml" is included twice',
    ],
    ['itself', { 'a.yaml': 'version: 1\ninclude: ./a.yaml\nrules: []\n' }, 'a.yaml:2:10  "a.yaml" is included twice'],
    [
      'defaults',
      { 'a.yaml': 'version: 1\ninclude: b.yaml\nrules: []\n', 'b.yaml': 'version: 1\ndefaults: { country: KR }\n' },
      'b.yaml:2:1  an included file cannot have defaults; move them to a.yaml',
    ],
    [
      'list',
      { 'a.yaml': 'version: 1\ninclude: b.yaml\nlists: { x: [a] }\n', 'b.yaml': 'version: 1\nlists: { x: [a] }\n' },
      'b.yaml:2:8  another file already defines the list "x"',
    ],
    [
      'rule',
      { 'a.yaml': `version: 1\ninclude: b.yaml\nrules:\n${rule('r')}`, 'b.yaml': file(rule('r')) },
      'b.yaml:3:11  another rule has the name "r"; the first is at a.yaml:4',
    ],
    [
      'faults of both',
      { 'a.yaml': 'version: 1\ninclude: b.yaml\nrule: []\n', 'b.yaml': 'version: 1\nruls: []\n' },
      'a.yaml:3:1  a rule file has no key "rule"; did you mean "rules"?',
    ],
  ])('with a fault: %s', (_, files, says) => {
    expect(loadTexts(files).findings.map(formatFinding)).toContain(says);
  });

  test('all files are checked, even when one of them is broken', () => {
    const loaded = loadTexts({
      'a.yaml': 'version: 1\ninclude: [b.yaml, c.yaml]\nrule: []\n',
      'b.yaml': '\t',
      'c.yaml': 'version: 1\nruls: []\n',
    });
    expect(loaded.findings.map(({ place }) => place.kind === 'file' && place.file)).toEqual([
      'a.yaml',
      'b.yaml',
      'c.yaml',
    ]);
  });
});

describe('on disk', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rules-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('a missing file, a folder and a file that includes another', () => {
    expect(loadRules({ file: join(folder, 'none.yaml'), actions: testActions }).findings).toMatchObject([
      { code: 'missing-file', place: { line: 1 } },
    ]);
    expect(loadRules({ file: folder, actions: testActions }).findings).toMatchObject([
      { code: 'file', message: expect.stringContaining('it is a folder') },
    ]);
    mkdirSync(join(folder, 'more'));
    writeFileSync(join(folder, 'a.yaml'), 'version: 1\ninclude: more/b.yaml\n');
    writeFileSync(join(folder, 'more', 'b.yaml'), file(rule('r')));
    expect(loadRules({ file: join(folder, 'a.yaml'), actions: testActions })).toMatchObject({ ok: true });
  });

  test.each([
    ['is not .yaml', 'passwd', '"FOLDER/passwd" is not a rule file; the name of a rule file ends in .yaml or .yml'],
    [
      'is above the main file',
      '../above.yaml',
      'above.yaml" cannot be read: it is outside the folder of the main rule file',
    ],
    [
      'is a link out of the folder',
      'link.yaml',
      'link.yaml" cannot be read: it is outside the folder of the main rule file',
    ],
    ['is a FIFO', 'fifo.yaml', 'fifo.yaml" cannot be read: it is not a regular file'],
    ['is a device', 'zero.yaml', 'zero.yaml" cannot be read: it is outside the folder of the main rule file'],
  ])('an include that %s is a finding, is not waited for, and none of its lines shows', (_, include, says) => {
    const main = mkdtempSync(join(folder, 'main-'));
    writeFileSync(join(main, 'passwd'), 'secret line: [\n');
    writeFileSync(join(folder, 'above.yaml'), 'secret line: [\n');
    symlinkSync(join(folder, 'above.yaml'), join(main, 'link.yaml'));
    symlinkSync('/dev/zero', join(main, 'zero.yaml'));
    execFileSync('mkfifo', [join(main, 'fifo.yaml')]);
    writeFileSync(
      join(main, 'a.yaml'),
      `version: 1\ninclude: ${include}\n${file(rule('r')).slice('version: 1\n'.length)}`,
    );
    const loaded = readRules(join(main, 'a.yaml'));
    const text = describeFindings(loaded.findings);
    expect(text).toContain(says.replace('FOLDER', main));
    expect(text).toContain(`a.yaml:2:10`);
    expect(text).not.toContain('secret line');
  });

  test('a main rule file that is a FIFO is a finding, at once', () => {
    const fifo = join(folder, 'main.yaml');
    execFileSync('mkfifo', [fifo]);
    expect(describeFindings(readRules(fifo).findings)).toContain('cannot be read: it is not a regular file');
  });

  test('the main file and its folder may be links, as Kubernetes mounts them', () => {
    const mounted = mkdtempSync(join(folder, 'mounted-'));
    mkdirSync(join(mounted, '..data'));
    writeFileSync(join(mounted, '..data', 'rules.yaml'), 'version: 1\ninclude: more.yaml\n');
    writeFileSync(join(mounted, '..data', 'more.yaml'), file(rule('r')));
    for (const name of ['rules.yaml', 'more.yaml']) {
      symlinkSync(join('..data', name), join(mounted, name));
    }
    expect(readRules(join(mounted, 'rules.yaml'))).toMatchObject({ ok: true });
  });
});

describe('the hash', () => {
  const hash = (text: string): string => ruleSetOf(text).hash;
  const plain = file(rule('a'), rule('b'));

  test('is twelve hex characters, and does not depend on layout, comments and tests', () => {
    expect(hash(plain)).toMatch(/^[0-9a-f]{12}$/);
    expect(hash(`# said\n${plain.replace('name: a\n    on: call_hangup', 'on: "call_hangup"\n    name:   a')}`)).toBe(
      hash(plain),
    );
    expect(hash(`${plain}tests: []\n`)).toBe(hash(plain));
  });

  test.each([
    ['the order of rules', file(rule('b'), rule('a'))],
    ['a condition', file(rule('a', '    when: { direction: inbound }\n'), rule('b'))],
    ['a mode', file(rule('a', '    mode: off\n'), rule('b'))],
    ['defaults', `${plain}defaults: { country: KR }\n`],
  ])('changes with %s', (_, text) => {
    expect(hash(text)).not.toBe(hash(plain));
  });
});

describe('files that are not UTF-8', () => {
  const folder = mkdtempSync(join(tmpdir(), 'encoding-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const main = join(folder, 'rules.yaml');
  const load = () => loadRules({ file: main, actions: testActions }).findings.map(formatFinding);

  test('are refused with the place and the byte', () => {
    writeFileSync(main, Buffer.from(`version: 1\nrules: []\n# Caf\xe9 ferm\xe9\n`, 'latin1'));
    expect(load()).toEqual([
      `${main}:3:6  the byte 0xE9 is not UTF-8 (in Windows-1252 it is é); save the file as UTF-8`,
    ]);
  });

  test('are refused where they are included', () => {
    writeFileSync(main, 'version: 1\ninclude: more.yaml\nrules: []\n');
    writeFileSync(join(folder, 'more.yaml'), Buffer.from('version: 1\n', 'utf16le'));
    expect(load()).toEqual([
      `${main}:2:10  "${join(folder, 'more.yaml')}" cannot be read: it is saved as UTF-16, not as UTF-8; save it as UTF-8`,
    ]);
  });

  test('a byte order mark is fine', () => {
    writeFileSync(main, `\uFEFF${file(rule('r'))}`);
    expect(load()).toEqual([]);
  });
});
