import { LaterRunsReader } from '../dispatch/later-runs';
import { RunLogReader } from '../dispatch/run-log';
import { InboxReader } from '../inbox/archive/reader';
import { TrafficReader, type SeqRange, type TypeCount } from '../inbox/archive/traffic';
import { SLOT_MS } from '../inbox/archive/traffic-counts';
import type { RuleReport, RunReport, StepReport } from '../runs/run-contract';
import { failedSteps, reportIn } from './last-report';
import { Latencies, type LatencySummary } from './latencies';

/** How often each reason occurred. */
export type Reasons = Record<string, number>;

/** What became of the steps of one action in one rule. The names are the JSON keys of `report --json`. */
export interface ActionFigures {
  action: string;
  done: number;
  /** Nothing was to be done, with the reasons: `cooldown`, `opted_out`. */
  skipped: number;
  skipped_why: Reasons;
  /** Failed for good, with the codes. */
  failed: number;
  failed_why: Reasons;
  /** How many failed in the first run and were taken up by a retry or rerun. They count above as they ended then. */
  retried: number;
}

/** What became of the events that a rule matched. */
export interface RuleFigures {
  rule: string;
  /** Events that it matched when they came, and in reruns. */
  events: number;
  done: number;
  partial: number;
  failed: number;
  skipped: number;
  skipped_why: Reasons;
  /** Not ended yet, or ended without a report. */
  open: number;
  /** From the start of the event's first run to its end; null while none ended. */
  latency: LatencySummary | null;
  actions: ActionFigures[];
}

/** What came and what was done in a period. Times are RFC 3339 in UTC. */
export interface Report {
  since: string;
  until: string;
  /** The oldest event that the data folder still has, when it is later than `since`: rules are counted from there. */
  complete_since: string | null;
  /** When calls, texts and recordings began to be counted, if it is later than `since`: an earlier version ran before. */
  counted_since: string | null;
  events: { received: number; matched: number };
  /** Calls that ended. */
  calls: { inbound: number; outbound: number; unknown_direction: number; answered: number };
  /** Texts that came in, and those that rules sent. */
  texts: { received: number; sent: number };
  recordings: number;
  rules: RuleFigures[];
}

const CALL_ENDED = 'call_hangup';
const TEXT_CAME = 'message_created';
const RECORDING_ENDED = 'recording_finished';
const TEXT_ACTION = 'voipbin.send_message';

/**
 * Counts what came between two times, and what was done for it, from the inbox and the run log of a data folder. It spans
 * restarts, and takes seconds for a million events, in a bounded space. The bridge may run meanwhile.
 *
 * Events count by when they came, not by when their steps were done, in whole quarters of an hour: `from` is rounded
 * down, `to` up. Calls, texts and recordings outlive the retention of their events, for 400 days; rules and actions do not.
 */
export function report(dataDir: string, from: Date, to: Date): Report {
  const since = new Date(Math.floor(from.getTime() / SLOT_MS) * SLOT_MS);
  const until = new Date(Math.ceil(to.getTime() / SLOT_MS) * SLOT_MS);
  const traffic = new TrafficReader(dataDir);
  try {
    const range = traffic.range(since, until);
    const kinds = traffic.counted(since, until);
    const sum = (matches: (kind: TypeCount) => boolean): number =>
      kinds.filter(matches).reduce((total, { events }) => total + events, 0);
    const matched = traffic.matched(range);
    const rules = countRuns(dataDir, range);
    for (const [name, events] of matched.byRule) {
      rules.get(name).matched = events;
    }
    const figures = rules.figures();
    const oldest = traffic.oldest();
    const countedSince = traffic.countedSince();
    return {
      since: since.toISOString(),
      until: until.toISOString(),
      complete_since: oldest !== null && oldest > since ? oldest.toISOString() : null,
      counted_since: countedSince !== null && countedSince > since ? countedSince.toISOString() : null,
      events: { received: sum(() => true), matched: matched.events },
      calls: {
        inbound: sum(({ type, direction }) => type === CALL_ENDED && direction === 'inbound'),
        outbound: sum(({ type, direction }) => type === CALL_ENDED && direction === 'outbound'),
        unknown_direction: sum(({ type, direction }) => type === CALL_ENDED && direction === null),
        answered: sum(({ type, answered }) => type === CALL_ENDED && answered === true),
      },
      texts: {
        received: sum(({ type, direction }) => type === TEXT_CAME && direction === 'inbound'),
        sent: figures
          .flatMap(({ actions }) => actions)
          .filter(({ action }) => action === TEXT_ACTION)
          .reduce((total, { done }) => total + done, 0),
      },
      recordings: sum(({ type }) => type === RECORDING_ENDED),
      rules: figures,
    };
  } finally {
    traffic.close();
  }
}

function countRuns(dataDir: string, range: SeqRange): RuleCounts {
  const log = new RunLogReader(dataDir);
  const laterRuns = new LaterRunsReader(dataDir);
  const inbox = InboxReader.open(dataDir);
  const counts = new RuleCounts();
  try {
    const withLater = new Set(laterRuns.events());
    for (const run of log.closed(range.from, range.to)) {
      const first = reportIn(run);
      counts.addLatency(first, run.closed_at - run.started_at);
      if (!withLater.has(run.event_id)) {
        counts.add(first);
      }
    }
    for (const id of withLater) {
      const seq = inbox.seqOf(id);
      if (seq !== null && seq >= range.from && seq < range.to) {
        const first = reportIn(log.get(id));
        // The report of a later run is of the earlier ones, too.
        const ended = laterRuns.of(id).findLast((run) => run.started_at !== null && run.closed_at !== null) ?? null;
        counts.add(ended === null ? first : (reportIn(ended) ?? first));
        counts.addRetried(ended === null ? null : first);
      }
    }
    return counts;
  } finally {
    inbox.close();
    laterRuns.close();
    log.close();
  }
}

interface RuleCount {
  matched: number;
  outcomes: Record<RuleReport['outcome'], number>;
  skippedWhy: Reasons;
  latencies: Latencies;
  actions: Map<string, ActionFigures>;
}

/** The figures of rules while runs are counted. */
class RuleCounts {
  readonly #rules = new Map<string, RuleCount>();

  get(rule: string): RuleCount {
    let count = this.#rules.get(rule);
    if (count === undefined) {
      count = {
        matched: 0,
        outcomes: { done: 0, partial: 0, failed: 0, skipped: 0 },
        skippedWhy: {},
        latencies: new Latencies(),
        actions: new Map(),
      };
      this.#rules.set(rule, count);
    }
    return count;
  }

  add(run: RunReport | null): void {
    for (const { rule, outcome, reason, steps } of run?.rules ?? []) {
      const count = this.get(rule);
      count.outcomes[outcome] += 1;
      if (outcome === 'skipped' && reason !== undefined) {
        addReason(count.skippedWhy, reason);
      }
      steps.forEach((step) => addStep(actionOf(count, step.action), step));
    }
  }

  addLatency(run: RunReport | null, ms: number): void {
    run?.rules.forEach(({ rule }) => this.get(rule).latencies.add(ms));
  }

  addRetried(first: RunReport | null): void {
    for (const { rule, action } of failedSteps(first)) {
      actionOf(this.get(rule), action).retried += 1;
    }
  }

  /** By name. */
  figures(): RuleFigures[] {
    return [...this.#rules]
      .sort(([one], [other]) => one.localeCompare(other, 'en'))
      .map(([rule, { matched, outcomes, skippedWhy, latencies, actions }]) => {
        const ended = outcomes.done + outcomes.partial + outcomes.failed + outcomes.skipped;
        return {
          rule,
          events: Math.max(matched, ended),
          ...outcomes,
          skipped_why: skippedWhy,
          open: Math.max(0, matched - ended),
          latency: latencies.summary(),
          actions: [...actions.values()],
        };
      });
  }
}

function actionOf({ actions }: RuleCount, action: string): ActionFigures {
  let figures = actions.get(action);
  if (figures === undefined) {
    figures = { action, done: 0, skipped: 0, skipped_why: {}, failed: 0, failed_why: {}, retried: 0 };
    actions.set(action, figures);
  }
  return figures;
}

function addStep(figures: ActionFigures, step: StepReport): void {
  figures[step.outcome] += 1;
  if (step.outcome === 'skipped') {
    addReason(figures.skipped_why, step.reason);
  } else if (step.outcome === 'failed') {
    addReason(figures.failed_why, step.code);
  }
}

function addReason(reasons: Reasons, reason: string): void {
  reasons[reason] = (reasons[reason] ?? 0) + 1;
}
