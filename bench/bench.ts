/**
 * The benchmark: measures the bridge and anchors in the same run, and prints their ratios. `npm run bench -- --help`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { ackLatency } from './figures/ack-latency';
import { acks } from './figures/acks';
import { burst } from './figures/burst';
import { cpu } from './figures/cpu';
import { say, verdictOf, type Figure, type Scale } from './figures/figure';
import { hubspot } from './figures/hubspot';
import { idle } from './figures/idle';
import { matching } from './figures/matching';
import { throughput } from './figures/throughput';
import { timeToEffect } from './figures/time-to-effect';
import { describeMachine } from './machine';
import { tableOf } from './table';

const RESULTS = join(__dirname, '..', '..', 'results');

const WHOLE: Scale = {
  rounds: 5,
  acks: 12_000,
  pacedS: 10,
  backlog: { bridge: 6_000, textbook: 600 },
  burst: { bridge: 10_000, textbook: 1_000 },
  calls: { bridge: 1_000, simple: 60 },
  idleS: 60,
};
const QUICK: Scale = {
  rounds: 1,
  acks: 5_000,
  pacedS: 5,
  backlog: { bridge: 1_000, textbook: 200 },
  burst: { bridge: 2_000, textbook: 200 },
  calls: { bridge: 300, simple: 15 },
  idleS: 10,
};
/** Left out by `--quick`: little changes in them. */
const NOT_QUICK: readonly string[] = ['unwanted', 'idle'];

const FIGURES: Readonly<Record<string, (scale: Scale) => Promise<Figure | Figure[]> | Figure>> = {
  acks: (scale) => acks(scale, true),
  latency: (scale) => ackLatency(scale),
  unwanted: (scale) => acks(scale, false),
  throughput: (scale) => throughput(scale),
  effect: (scale) => timeToEffect(scale),
  burst: (scale) => burst(scale),
  cpu: (scale) => cpu(scale),
  hubspot: (scale) => hubspot(scale),
  matching: (scale) => matching(scale),
  idle: (scale) => idle(scale),
};

interface Options {
  quick?: true;
  only?: string[];
  strict?: true;
  rounds?: string;
}

async function run(options: Options): Promise<void> {
  const all = Object.keys(FIGURES);
  const names = options.only ?? all.filter((name) => options.quick !== true || !NOT_QUICK.includes(name));
  const scale = {
    ...(options.quick ? QUICK : WHOLE),
    ...(options.rounds === undefined ? {} : { rounds: Number(options.rounds) }),
  };
  const machine = await describeMachine();
  const at = new Date();
  const figures: (Figure & { name: string })[] = [];
  for (const [index, name] of names.entries()) {
    const measure = FIGURES[name];
    if (measure === undefined) {
      throw new Error(`unknown figure "${name}": choose from ${Object.keys(FIGURES).join(', ')}`);
    }
    say(`${index + 1}/${names.length} ${name}`);
    figures.push(...[await measure(scale)].flat().map((figure) => ({ name, ...figure })));
  }
  mkdirSync(RESULTS, { recursive: true });
  const file = join(RESULTS, `${at.toISOString().replaceAll(':', '-')}.json`);
  writeFileSync(
    file,
    `${JSON.stringify({ at, machine, scale, figures: figures.map((figure) => ({ ...figure, verdict: verdictOf(figure) })) }, null, 1)}\n`,
  );
  process.stdout.write(`\n${tableOf(figures, machine)}\nRaw figures: ${file}\n`);
  const verdicts = figures.map(verdictOf);
  if (verdicts.includes('FAULTY') || (options.strict === true && verdicts.includes('MISSED'))) {
    process.exitCode = 1;
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(130));
}
const program = new Command('bench')
  .description('Measures the bridge on this machine, against anchors started in the same run.')
  .option(
    '--quick',
    `one round and small numbers, two or three minutes, without ${NOT_QUICK.join(' and ')}: to try it, not to compare`,
  )
  .option('--only <names...>', `only these figures: ${Object.keys(FIGURES).join(', ')}`)
  .option('--rounds <count>', 'rounds of bridge and anchor (5)')
  .option('--strict', 'exit with 1 when a figure misses its minimum; lost or doubled events always exit with 1')
  .action(run);
program.parseAsync(process.argv).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
