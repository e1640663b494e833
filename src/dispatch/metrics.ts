import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { z } from 'zod';
import { LabelValues } from '../admin/label-values';
import type { RunStarter } from './run-starter';
import { outcomeOf, type RunEnding } from './run-tracker';

const START_OUTCOMES = ['started', 'exists', 'refused', 'failed'] as const;
const RUN_OUTCOMES = [
  'done',
  'partial',
  'failed',
  'skipped',
  'completed',
  'terminated',
  'cancelled',
  'timed_out',
  'unknown',
] as const;

/** The figures that the gauges read at every scrape. */
export interface RunGauges {
  /** Events with a run or batch in flight. */
  inFlight(): number;
  /** Events without a recorded end of their run. */
  open(): number;
}

/** The part of a run's report that is counted. */
const reportedRules = z.object({
  rules: z.array(z.object({ rule: z.string(), outcome: z.enum(['done', 'partial', 'failed', 'skipped']) })),
});

/** Metrics of how runs start and end, in the process with the dispatcher. Create it once per registry. */
export class RunMetrics {
  readonly #starts: Counter<'outcome'>;
  readonly #batches: Counter;
  readonly #batchEvents: Histogram;
  readonly #closed: Counter<'outcome'>;
  readonly #rules: Counter<'rule' | 'outcome'>;
  readonly #ruleNames = new LabelValues();

  constructor(private readonly registry: Registry) {
    const registers = [registry];
    this.#starts = new Counter({
      name: 'bridge_run_starts_total',
      help: 'Starts of runs by outcome: started, exists (the event has a run already), refused (Temporal never accepts it), failed (is retried).',
      labelNames: ['outcome'],
      registers,
    });
    this.#closed = new Counter({
      name: 'bridge_runs_closed_total',
      help: 'Runs that ended, by outcome.',
      labelNames: ['outcome'],
      registers,
    });
    this.#batches = new Counter({
      name: 'bridge_batches_started_total',
      help: 'Batches of events that were started under backlog.',
      registers,
    });
    this.#batchEvents = new Histogram({
      name: 'bridge_batch_events',
      help: 'Events of each batch that was started.',
      buckets: [5, 10, 20, 30, 40, 50],
      registers,
    });
    // A series that starts with its first hit hides that hit from increase().
    START_OUTCOMES.forEach((outcome) => this.#starts.inc({ outcome }, 0));
    RUN_OUTCOMES.forEach((outcome) => this.#closed.inc({ outcome }, 0));
    this.#rules = new Counter({
      name: 'bridge_rule_runs_total',
      help: 'Rules in runs that ended, by rule and outcome.',
      labelNames: ['rule', 'outcome'],
      registers,
    });
  }

  /** Wraps a starter and counts its starts by event: that of a batch once for each of its events. */
  counting(starter: RunStarter): RunStarter {
    return {
      start: async (event, plan, later) => {
        try {
          const start = await starter.start(event, plan, later);
          this.#starts.inc({ outcome: start.outcome });
          return start;
        } catch (error) {
          this.#starts.inc({ outcome: 'failed' });
          throw error;
        }
      },
      startBatch: async (batch) => {
        const size = batch.events.length;
        try {
          const start = await starter.startBatch(batch);
          // The events of a refused batch are started one by one, and counted then.
          if (start.outcome !== 'refused') {
            this.#starts.inc({ outcome: start.outcome }, size);
            this.#batches.inc();
            this.#batchEvents.observe(size);
          }
          return start;
        } catch (error) {
          this.#starts.inc({ outcome: 'failed' }, size);
          throw error;
        }
      },
      ended: (workflowId, signal) => starter.ended(workflowId, signal),
    };
  }

  /** Counts a run that ended. Without a report (terminated, timed out) its rules are not counted. */
  closed(ending: RunEnding): void {
    this.#closed.inc({ outcome: outcomeOf(ending) });
    const report = reportedRules.safeParse(ending.report);
    for (const { rule, outcome } of report.success ? report.data.rules : []) {
      this.#rules.inc({ rule: this.#ruleNames.of(rule), outcome });
    }
  }

  /** Adds gauges that read the dispatcher when they are scraped. */
  watch(runs: RunGauges): void {
    const registers = [this.registry];
    const gauges: [name: string, help: string, read: () => number][] = [
      ['bridge_runs_in_flight', 'Events with a run or batch in flight.', () => runs.inFlight()],
      [
        'bridge_runs_waiting',
        'Events whose run waits for a retry, a parked connection, a recording, or a worker.',
        () => Math.max(0, runs.open() - runs.inFlight()),
      ],
    ];
    for (const [name, help, read] of gauges) {
      const gauge: Gauge = new Gauge({ name, help, registers, collect: () => gauge.set(read()) });
    }
  }
}
