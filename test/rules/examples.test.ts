import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { actionCatalogue } from '../../src/connectors/registry';
import { loadRules } from '../../src/rules/parse/load';
import { runRuleTests } from '../../src/rules/tools/test-runner';
import { findSample } from '../../src/samples/samples';
import { formatFinding } from '../../src/yaml/format-findings';

const FOLDER = 'config/examples';
const FILES = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml'));

test.each(FILES)('the example %s has nothing to complain of, and its tests pass', (file) => {
  const loaded = loadRules({ file: join(FOLDER, file), actions: actionCatalogue });
  expect(loaded.findings.map(formatFinding)).toEqual([]);
  if (!loaded.ok) {
    throw new Error('unreachable');
  }
  expect(loaded.tests.length).toBeGreaterThan(1);
  const results = runRuleTests(loaded.ruleSet, loaded.tests, { actions: actionCatalogue, findSample });
  expect(results.flatMap(({ name, faults }) => faults.map((fault) => `${name}: ${fault}`))).toEqual([]);
});

test('the list of examples names every file', () => {
  const listed = [...readFileSync(join(FOLDER, 'README.md'), 'utf8').matchAll(/\((\S+\.yaml)\)/g)].map(
    ([, name]) => name,
  );
  expect(new Set(listed)).toEqual(new Set(FILES));
});
