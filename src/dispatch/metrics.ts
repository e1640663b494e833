import { Counter, Gauge, type Registry } from 'prom-client';
import { z } from 'zod';
import { LabelValues } from '../admin/label-values';
import type { RunStarter } from './dispatcher';
import { outcomeOf, type RunEnding } from './run-tracker';

/** What the gauges ask at every scrape. */
export interface RunGauges {
  /** Runs at work. */
  inFlight(): number;
  /** Runs started and not known to be closed. */
  open(): number;
}

/** The part of a run's report that is counted. */
const reportedRules = z.object({
  rules: z.array(z.object({ rule: z.string(), outcome: z.enum(['done', 'partial', 'failed', 'skipped']) })),
});

/**
 * Metrics of starting runs and seeing them end: those of the process with the dispatcher. Make it once per registry.
 */
export class RunMetrics {
  readonly #starts: Counter<'outcome'>;
  readonly #closed: Counter<'outcome'>;
  readonly #rules: Counter<'rule' | 'outcome'>;
  readonly #ruleNames = new LabelValues();

  constructor(private readonly registry: Registry) {
    const registers = [registry];
    this.#starts = new Counter({
      name: 'bridge_run_starts_total',
      help: 'Starts of runs by what Temporal said: started, exists (the event has a run already), refused (never will), failed (is tried again).',
      labelNames: ['outcome'],
      registers,
    });
    this.#closed = new Counter({
      name: 'bridge_runs_closed_total',
      help: 'Runs whose end was seen, by outcome.',
      labelNames: ['outcome'],
      registers,
    });
    this.#rules = new Counter({
      name: 'bridge_rule_runs_total',
      help: 'Rules in runs whose end was seen, by rule and outcome.',
      labelNames: ['rule', 'outcome'],
      registers,
    });
  }

  /** The same starter, its starts counted. */
  counting(starter: RunStarter): RunStarter {
    return {
      start: async (event, plan) => {
        try {
          const start = await starter.start(event, plan);
          this.#starts.inc({ outcome: start.outcome });
          return start;
        } catch (error) {
          this.#starts.inc({ outcome: 'failed' });
          throw error;
        }
      },
      ended: (eventId, signal) => starter.ended(eventId, signal),
    };
  }

  /** Counts a run that closed. One that was terminated or timed out has no report, so that its rules are not known. */
  closed(ending: RunEnding): void {
    this.#closed.inc({ outcome: outcomeOf(ending) });
    const report = reportedRules.safeParse(ending.report);
    for (const { rule, outcome } of report.success ? report.data.rules : []) {
      this.#rules.inc({ rule: this.#ruleNames.of(rule), outcome });
    }
  }

  /** Gauges that look at the dispatcher when they are scraped. */
  watch(runs: RunGauges): void {
    const registers = [this.registry];
    const gauges: [name: string, help: string, read: () => number][] = [
      ['bridge_runs_in_flight', 'Runs at work.', () => runs.inFlight()],
      [
        'bridge_runs_waiting',
        'Runs that wait: for a retry, a parked connection, a recording, or a worker.',
        () => Math.max(0, runs.open() - runs.inFlight()),
      ],
    ];
    for (const [name, help, read] of gauges) {
      const gauge: Gauge = new Gauge({ name, help, registers, collect: () => gauge.set(read()) });
    }
  }
}
