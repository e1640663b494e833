import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const ROOT = join(__dirname, '..', '..');
const RULES = join(ROOT, 'deploy', 'prometheus', 'rules.yaml');
const RULE_TESTS = join(ROOT, 'deploy', 'prometheus', 'rules.test.yaml');

const ruleFile = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.strictObject({ severity: z.enum(['critical', 'warning']) }),
          annotations: z.strictObject({ summary: z.string().min(1), description: z.string().min(1) }),
        }),
      ),
    }),
  ),
});
const dashboardFile = z.object({
  uid: z.string(),
  title: z.string(),
  schemaVersion: z.number(),
  panels: z.array(
    z.object({
      id: z.number(),
      title: z.string(),
      gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
      targets: z.array(z.object({ refId: z.string(), expr: z.string(), legendFormat: z.string() })).default([]),
    }),
  ),
});

const rules = ruleFile.parse(parse(readFileSync(RULES, 'utf8'))).groups.flatMap((group) => group.rules);
const dashboard = dashboardFile.parse(
  JSON.parse(readFileSync(join(ROOT, 'deploy', 'grafana', 'dashboard.json'), 'utf8')),
);
const expressions = [
  ...rules.map(({ alert, expr }) => ({ of: alert, expr })),
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ of: title, expr }))),
];

/** The labels of each metric, from the table in docs/operations.md. That the table is true is tested with a bridge. */
const documented = new Map(
  [...readFileSync(join(ROOT, 'docs', 'operations.md'), 'utf8').matchAll(/^\| `(bridge_\w+)` \| (\w+) \|([^|]*)\|/gm)].map(
    ([, name = '', type = '', labels = '']) => [
      name,
      { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label) },
    ],
  ),
);
/** Labels that Prometheus adds to every series. */
const OF_PROMETHEUS = ['job', 'instance'];

/** The metrics that an expression reads, each with the labels that it asks for in `{}`. */
function selectorsIn(expr: string): { metric: string; labels: string[] }[] {
  return [...expr.matchAll(/\b(bridge_\w+)(?:\{([^}]*)\})?/g)].map(([, metric = '', matchers = '']) => ({
    metric,
    labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label = '']) => label),
  }));
}

/** The labels by which an expression groups. */
function groupedBy(expr: string): string[] {
  return [...expr.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)].flatMap(([, list = '']) =>
    list.split(',').map((label) => label.trim()),
  );
}

function labelsOf(metric: string): string[] | null {
  const histogram = metric.replace(/_(?:bucket|sum|count)$/, '');
  const found = documented.get(metric) ?? (documented.get(histogram)?.type === 'histogram' ? documented.get(histogram) : undefined);
  if (found === undefined) {
    return null;
  }
  return [...found.labels, ...OF_PROMETHEUS, ...(metric.endsWith('_bucket') ? ['le'] : [])];
}

test.each(expressions)('$of reads metrics of the bridge, by labels that they have: $expr', ({ expr }) => {
  const selectors = selectorsIn(expr);
  const wrong = selectors.flatMap(({ metric, labels }) => {
    const known = labelsOf(metric);
    return known === null
      ? [metric]
      : labels.filter((label) => !known.includes(label)).map((label) => `${metric}{${label}}`);
  });
  expect(wrong).toEqual([]);
  const all = selectors.flatMap(({ metric }) => labelsOf(metric) ?? []);
  expect(groupedBy(expr).filter((label) => selectors.length > 0 && !all.includes(label))).toEqual([]);
});

test('alerts and panels have names of their own, and panels do not overlap', () => {
  const names = rules.map(({ alert }) => alert);
  expect(new Set(names).size).toBe(names.length);
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(dashboard.panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
});

test('legends and annotations name labels that their expressions leave', () => {
  const texts = [
    ...rules.map(({ expr, annotations }) => ({ expr, text: Object.values(annotations).join(' ') })),
    ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr, legendFormat: text }) => ({ expr, text }))),
  ];
  const missing = texts.flatMap(({ expr, text }) => {
    const by = groupedBy(expr);
    const left = by.length > 0 ? by : [...OF_PROMETHEUS, ...selectorsIn(expr).flatMap(({ metric }) => labelsOf(metric) ?? [])];
    const used = [...text.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, label = '']) => label);
    return used.filter((label) => !left.includes(label)).map((label) => `${label}: ${expr}`);
  });
  expect(missing).toEqual([]);
});

/** Prometheus' own tool: `PROMTOOL`, or on the PATH. CI brings it. */
const promtool = process.env['PROMTOOL'] ?? (spawnSync('promtool', ['--version']).error === undefined ? 'promtool' : null);
const describePromtool = promtool === null ? describe.skip : describe;

describePromtool('promtool', () => {
test('accepts the rules, and its tests of them pass', () => {
  const run = (...args: string[]): string => execFileSync(promtool ?? '', args, { encoding: 'utf8', stdio: 'pipe' });
  expect(run('check', 'rules', RULES)).toContain(`SUCCESS: ${rules.length} rules found`);
  expect(run('test', 'rules', RULE_TESTS)).toContain('SUCCESS');
  const tests = readFileSync(RULE_TESTS, 'utf8');
  expect(rules.map(({ alert }) => alert).filter((alert) => !tests.includes(`ALERTS{alertname="${alert}"`))).toEqual([]);
});

test('accepts every expression of the dashboard', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bridge-dashboard-'));
  const file = join(folder, 'rules.json');
  const recorded = dashboard.panels.flatMap(({ id, targets }) =>
    targets.map(({ refId, expr }) => ({
      record: `panel:${id}:${refId}`,
      // Grafana replaces its variables before Prometheus sees them.
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$\w+/g, '.*'),
    })),
  );
  try {
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: recorded }] }));
    const answer = execFileSync(promtool ?? '', ['check', 'rules', file], { encoding: 'utf8', stdio: 'pipe' });
    expect(answer).toContain(`SUCCESS: ${recorded.length} rules found`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
});
