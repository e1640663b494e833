import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMap, isScalar, parseDocument } from 'yaml';
import { z } from 'zod';
import { connectors } from '../../src/connectors/registry';
import { SETTINGS, VARIABLES } from '../../src/settings/definitions';
import { formatFinding } from '../../src/yaml/format-findings';
import { loadSettings } from '../../src/settings/load';

const ROOT = join(__dirname, '../..');
const text = readFileSync(join(ROOT, 'config/bridge.yaml'), 'utf8');
/** The file with all its settings turned on. */
const allOn = text.replaceAll(/^( *)#([a-z_]+:.*)$/gm, '$1$2');

/** Dotted names of all leaves, and each one's line. */
function leaves(node: unknown, prefix: string, into: Map<string, string>): void {
  if (!isMap(node)) {
    return;
  }
  for (const { key, value } of node.items) {
    const name = `${prefix}${isScalar(key) ? String(key.value) : ''}`;
    const at = isScalar(key) ? (key.range?.[0] ?? 0) : 0;
    if (isMap(value)) {
      leaves(value, `${name}.`, into);
    } else {
      into.set(name, allOn.slice(at).split('\n', 1).join(''));
    }
  }
}

const shown = new Map<string, string>();
leaves(parseDocument(allOn).contents, '', shown);

describe('config/bridge.yaml', () => {
  test('loads in an empty environment, and changes nothing', () => {
    const loaded = loadSettings({ configFile: 'config/bridge.yaml', directory: ROOT, env: {}, connectors });
    const without = loadSettings({
      directory: join(ROOT, 'test'),
      env: { BRIDGE_DATA_DIR: join(ROOT, '.bridge'), BRIDGE_RULES: join(ROOT, 'config/rules.yaml') },
      connectors,
    });
    expect(loaded.ok ? [] : loaded.findings.map(formatFinding)).toEqual([]);
    expect(loaded).toEqual(without);
  });

  test.each(Object.keys(SETTINGS.shape))('shows %s, with its environment variable', (name) => {
    const variable = Object.entries(VARIABLES).find(([key]) => key === name)?.[1] ?? null;
    expect(shown.get(name)).toBeDefined();
    expect(shown.get(name)).toContain(variable === null ? name.split('.').at(-1) : `# ${variable}`);
  });

  test.each(
    connectors.flatMap((connector) =>
      Object.keys(
        z.toJSONSchema(connector.connection.settings, { io: 'input', unrepresentable: 'any' }).properties ?? {},
      ).map((key) => [connector.name, key] as const),
    ),
  )('shows %s.%s', (name, key) => {
    const variable = connectors.find((connector) => connector.name === name)?.connection.environment[key];
    expect(shown.get(`connections.${name}.${key}`)).toContain(variable ?? key);
  });

  test('all that it shows is right: turned on, only the example files are missing', () => {
    const folder = mkdtempSync(join(tmpdir(), 'shipped-'));
    writeFileSync(join(folder, 'bridge.yaml'), allOn);
    const loaded = loadSettings({ configFile: join(folder, 'bridge.yaml'), directory: ROOT, env: {}, connectors });
    rmSync(folder, { recursive: true });
    const lines = loaded.ok
      ? []
      : loaded.findings
          .filter(({ subject }) => !/^connections\.[^.]+$/.test(subject?.setting ?? ''))
          .map(({ subject, message }) => `${subject?.setting ?? ''}: ${message}`);
    expect(lines).toEqual([
      'receiver.tls.cert_file: the file cannot be read (ENOENT)',
      'receiver.tls.key_file: the file cannot be read (ENOENT)',
    ]);
  });
});
