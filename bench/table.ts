import { verdictOf, type Figure } from './figures/figure';
import type { Machine } from './machine';

/** The figures as a text table, with their notes below it. */
export function tableOf(figures: readonly Figure[], machine: Machine): string {
  const header = ['figure', 'bridge', 'anchor', 'ratio', 'at least', 'aim', ''];
  const rows = figures.map((figure) => {
    const { ratio, target } = figure;
    const wanted = (value: number | undefined): string =>
      target === null || value === undefined
        ? ''
        : `${target.better === 'lower' ? '<=' : '>='} ${value}${target.absolute?.unit ?? ''}`;
    return [
      figure.title,
      figure.bridge,
      figure.anchor,
      ratio === null ? '' : ratio.toFixed(2),
      wanted(target?.floor),
      wanted(target?.aim),
      verdictOf(figure),
    ];
  });
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const ruler = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  const remarks = figures.flatMap((figure) => [
    ...figure.faults.map((fault) => `! ${figure.title}: ${fault}`),
    ...figure.notes.map((note) => `- ${figure.title}: ${note}`),
  ]);
  const { cpu, cores, memory_gib, system, node, temporal_cli } = machine;
  return [
    line(header),
    ruler,
    ...rows.map(line),
    '',
    ...remarks,
    '',
    `Measured on ${cores} x ${cpu}, ${memory_gib} GiB, ${system}; Node ${node}, Temporal CLI ${temporal_cli}.`,
  ].join('\n');
}
