import type { LaterRunEntry, LaterRunsReader } from '../dispatch/later-runs';
import { workflowIdOf } from '../dispatch/later-runs';
import type { RunLogReader } from '../dispatch/run-log';
import type { InboxReader } from '../inbox/archive/reader';
import type { StoredEvent } from '../inbox/stored-event';
import { hasTwin, TWIN_TYPES } from '../inbox/twins';
import type { Plan } from '../rules/plan';
import type { RuleReport } from '../runs/run-contract';
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
  /** Of the batch, when the run began in one and did not go on in a run of its own. */
  workflowId: string;
  /** 1 for the first. */
  number: number;
  /** Null while it is open. */
  outcome: string | null;
  plan: Plan;
  /** The rules of its report, without results when a step failed. Null when it left no report. */
  rules: RuleReport[] | null;
}

/** A stored event with its runs that Temporal accepted, in their order. */
export interface EventHistory {
  stored: StoredEvent;
  runs: RunOfEvent[];
}

/** @returns null for an event that the inbox does not have, or no longer. */
export function historyOf(records: Records, eventId: string): EventHistory | null {
  const stored = records.inbox.get(eventId);
  if (stored === null) {
    return null;
  }
  const first = records.runLog.get(eventId);
  const runs: RunOfEvent[] = [];
  if (first !== null && stored.plan !== null) {
    runs.push({
      workflowId: first.own_run ? eventId : (first.batch ?? eventId),
      number: 1,
      outcome: first.outcome,
      plan: stored.plan,
      rules: rulesIn(first.report),
    });
  }
  for (const later of records.laterRuns.of(eventId)) {
    const plan = planOf(later, stored);
    if (later.started_at !== null && plan !== null) {
      runs.push({
        workflowId: workflowIdOf(later),
        number: later.number,
        outcome: later.outcome,
        plan,
        rules: rulesIn(later.report),
      });
    }
  }
  return { stored, runs };
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
function rulesIn(report: string | null): RuleReport[] | null {
  const value: unknown = report === null ? null : JSON.parse(report);
  return typeof value === 'object' && value !== null && 'rules' in value && Array.isArray(value.rules)
    ? (value.rules as RuleReport[])
    : null;
}
