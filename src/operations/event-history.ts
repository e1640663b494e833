import { workflowIdOf, type LaterRunEntry, type LaterRunKind, type LaterRunsReader } from '../dispatch/later-runs';
import type { RunLogEntry, RunLogReader } from '../dispatch/run-log';
import type { InboxReader } from '../inbox/archive/reader';
import type { StoredEvent } from '../inbox/stored-event';
import { hasTwin, TWIN_TYPES } from '../inbox/twins';
import type { Plan } from '../rules/plan';
import type { RuleReport, RunReport } from '../runs/run-contract';
import type { OperationsReader } from './store';
import type { EarlierRun } from './what-is-left';

/** What operations read. All of it may be read while the bridge writes it. */
export interface Records {
  inbox: Pick<InboxReader, 'get' | 'list' | 'firedBy'>;
  runLog: Pick<RunLogReader, 'get' | 'failed'>;
  laterRuns: Pick<LaterRunsReader, 'of' | 'last' | 'failedEvents'>;
  jobs: Pick<OperationsReader, 'lastNumber'>;
}

/** A run that a job is about to start. */
export type RunOfJob = Pick<LaterRunEntry, 'event_id' | 'number' | 'job' | 'kind' | 'plan'>;

/** One run of an event. */
export interface RunOfEvent {
  eventId: string;
  kind: 'first' | LaterRunKind;
  /** Of the batch, when the run began in one and did not go on in a run of its own. */
  workflowId: string;
  /** 1 for the first. */
  number: number;
  startedAt: Date;
  /** Null while it is open, as is `outcome`. */
  closedAt: Date | null;
  outcome: string | null;
  plan: Plan;
  /** The rules of its report, without results when a step failed. Null when it left no report. */
  rules: RuleReport[] | null;
  /** As in {@link RunReport}. */
  calls: RunReport['calls'];
}

/** A stored event with its runs that Temporal accepted, in their order. */
export interface EventHistory {
  stored: StoredEvent;
  runs: RunOfEvent[];
}

/** @returns null for an event that the inbox does not have, or no longer. */
export function historyOf(records: Records, eventId: string): EventHistory | null {
  const stored = records.inbox.get(eventId);
  return stored === null
    ? null
    : { stored, runs: runsOf(stored, records.runLog.get(eventId), records.laterRuns.of(eventId)) };
}

/**
 * The runs of an event that Temporal accepted, in their order.
 * @param first the run log's entry; null when there is none.
 */
export function runsOf(
  stored: StoredEvent,
  first: RunLogEntry | null,
  laterRuns: readonly LaterRunEntry[],
): RunOfEvent[] {
  const runs: RunOfEvent[] = [];
  if (first !== null && stored.plan !== null) {
    runs.push({
      eventId: first.event_id,
      kind: 'first',
      workflowId: first.own_run ? first.event_id : (first.batch ?? first.event_id),
      number: 1,
      startedAt: first.started_at,
      closedAt: first.closed_at,
      outcome: first.outcome,
      plan: stored.plan,
      ...reportIn(first.report),
    });
  }
  for (const later of laterRuns) {
    const plan = planOf(later, stored);
    if (later.started_at !== null && plan !== null) {
      runs.push({
        eventId: later.event_id,
        kind: later.kind,
        workflowId: workflowIdOf(later),
        number: later.number,
        startedAt: later.started_at,
        closedAt: later.closed_at,
        outcome: later.outcome,
        plan,
        ...reportIn(later.report),
      });
    }
  }
  return runs;
}

/** The plan of a later run. */
export function planOf({ plan }: Pick<LaterRunEntry, 'plan'>, stored: StoredEvent): Plan | null {
  // Only the planner of reruns writes it (plan-rerun.ts).
  return plan === null ? stored.plan : (JSON.parse(plan) as Plan);
}

/** A run as the log has it: good for planning, not for running, as results may be missing. */
export function asRecorded({ rules, outcome }: RunOfEvent): EarlierRun {
  return { rules: rules ?? [], cutOff: [], isComplete: rules !== null && outcome !== null };
}

/**
 * Names of the rules that acted on the same message when it came as the other event of its twins, at first or in a later
 * run.
 */
export function firedByTwin(records: Records, { event, plan }: StoredEvent): ReadonlySet<string> {
  if (!hasTwin(event.type)) {
    return new Set();
  }
  const own = new Set(plan?.rules.map(({ name }) => name) ?? []);
  const fired = records.inbox.firedBy(event.id).filter((name) => !own.has(name));
  const twins = [...TWIN_TYPES].filter((type) => type !== event.type).map((type) => `${type}/${event.id}`);
  const later = twins.flatMap((twin) => records.laterRuns.of(twin)).flatMap(({ plan: json }) => ruleNamesIn(json));
  return new Set([...fired, ...later]);
}

function ruleNamesIn(json: string | null): string[] {
  return json === null ? [] : (JSON.parse(json) as Plan).rules.map(({ name }) => name);
}

/** The report of a run as the run log has it. */
function reportIn(json: string | null): Pick<RunOfEvent, 'rules' | 'calls'> {
  const value: unknown = json === null ? null : JSON.parse(json);
  const report =
    typeof value === 'object' && value !== null && 'rules' in value && Array.isArray(value.rules)
      ? // Runs alone write it.
        (value as RunReport)
      : null;
  return { rules: report?.rules ?? null, calls: report?.calls };
}
