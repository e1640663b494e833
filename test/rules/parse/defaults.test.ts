import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countriesOfRuleFile, defaultsOfRuleFile } from '../../../src/rules/parse/defaults';

jest.mock('../../../src/rules/rule-set', () => {
  throw new Error('the rule language was loaded');
});

function fileWith(text: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'rule-defaults-')), 'rules.yaml');
  writeFileSync(file, text);
  return file;
}

test.each([
  ['of its defaults', 'version: 1\ndefaults: { timezone: Asia/Seoul }\nrules: []\n', 'Asia/Seoul'],
  ['UTC without defaults', 'version: 1\nrules: []\n', 'UTC'],
  ['UTC for an unknown zone', 'version: 1\ndefaults: { timezone: Asia/Soul }\n', 'UTC'],
  ['UTC where the YAML is wrong', 'version: [\n', 'UTC'],
  [
    'of its defaults where the YAML is wrong below',
    'defaults: { timezone: Asia/Seoul }\nrules:\n  - name: a\n   on: *b\n  do: [ "x\n',
    'Asia/Seoul',
  ],
  [
    'of its defaults where a key is there twice',
    'defaults: { timezone: Asia/Seoul }\nrules: []\nrules: []\n',
    'Asia/Seoul',
  ],
  ['UTC where the broken file names an unknown zone', 'defaults: { timezone: Asia/Soul }\nrules: [\n', 'UTC'],
  ['UTC where the broken file has no blocks', '- defaults\n- [\n', 'UTC'],
  [
    'of its defaults where a rule is wrong',
    'defaults: { timezone: Asia/Seoul }\nrules: [{ on: nothing }]\n',
    'Asia/Seoul',
  ],
])('the zone of a rule file is %s', (_what, text, zone) => {
  expect(defaultsOfRuleFile(fileWith(text)).timezone).toBe(zone);
});

test('the zone of a rule file that does not exist is UTC', () => {
  expect(defaultsOfRuleFile('/does/not/exist/rules.yaml')).toEqual({ timezone: 'UTC', country: null });
});

test('the countries of a rule file are those of its defaults and of its rules, whether the rules are right or not', () => {
  const rules = '[{ country: KR, on: nothing }, { country: DE }, { country: XX }, x]';
  expect(countriesOfRuleFile(fileWith(`version: 1\ndefaults: { country: DE }\nrules: ${rules}\n`))).toEqual([
    'DE',
    'KR',
  ]);
  expect(countriesOfRuleFile(fileWith('defaults: { country: DE }\nrules: [\n'))).toEqual(['DE']);
  expect(countriesOfRuleFile('/does/not/exist/rules.yaml')).toEqual([]);
});
