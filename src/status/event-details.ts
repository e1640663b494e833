import { z } from 'zod';
import type { CanonicalEvent } from '../events/canonical-event';
import { callsNotFound, foundCalls } from '../events/known-calls';
import { OwnNumbers } from '../events/own-numbers';
import { LaterRunsReader, workflowIdOf, type LaterRunEntry } from '../dispatch/later-runs';
import { RunLogReader, type RunLogEntry } from '../dispatch/run-log';
import { InboxReader } from '../inbox/archive/reader';
import { FORGOTTEN_CONTENT_TYPE, type Quarantined } from '../inbox/stored-event';
import { runsOf, type RunOfEvent } from '../operations/event-history';
import { fitForRun } from '../runs/fit-for-run';
import { isBatchId, parseLaterRunId } from '../runs/names';
import type { Plan } from '../rules/plan';
import type { ReportSoFar, RunReport } from '../runs/run-contract';
import type { Settings } from '../settings/settings';
import { inputsOf, type AskRun, type EventInputs } from './event-inputs';
import { eventStatus } from './event-status';
import { heldBy, type HeldBy } from './held-by';
import { reportIn } from './last-report';
import { rulesSoFar, type RuleSoFar } from './rules-so-far';
import type { RunState } from './run-status';

/** All that is known about one event. The names are the JSON keys of `events show --json`. */
export interface EventDetails extends EventInputs {
  event: CanonicalEvent;
  /** The rules that matched. */
  rules: string[];
  /** Hash of the rule set that was in force when it came. */
  ruleset: string | null;
  /** One of `EVENT_STATUSES`. */
  status: string;
  /** The former name of `status`, with the same value. */
  became: string;
  /** Paths of the parts that its run does not have: the event is too large for Temporal. A step that reads one fails. */
  left_out: readonly string[];
  /**
   * Ids of calls that its last run looked up and that VoIPBIN does not have: what rules read of them is unknown. Empty
   * also when it is not known what the run found: `report` and `so_far` have it.
   */
  calls_not_found: string[];
  /** Its content was removed (`bridge forget`). */
  forgotten: boolean;
  /** What its last run reported; null until the run has ended. */
  report: RunReport | null;
  /** What a run that is open, or was cut off, has done; null when the run left a report, or does not answer. */
  so_far: RuleSoFar[] | null;
  /** Steps that did not run because one before them failed (`on_error: stop`). A retry runs them, too. */
  held_back: { rule: string; step: string; action: string }[];
  /** What used up the cooldowns that held back steps or rules. */
  held_by: HeldBy[];
  /** Every run of the event, the first one first. Empty when no run was started. */
  runs: EventRun[];
  /** The batch in which its first run began; null when it was started alone. */
  batch: EventBatch | null;
  /** Steps that are being retried. */
  pending: RunState['pending'];
  /** Steps that wait for a parked connection. */
  parked: RunState['parked'];
  /** The run is open, and no worker polls Temporal. */
  worker_missing: boolean;
}

/** One run of an event. */
export interface EventRun {
  /** Workflow id at Temporal. */
  run: string;
  /** `first`, or how a later run came to be. */
  kind: 'first' | 'retry' | 'rerun';
  /** The job that started it; null for the first. */
  job: string | null;
  started_at: string | null;
  closed_at: string | null;
  /** Null while it is open. */
  outcome: string | null;
  /** Why it was not started; null when it was. */
  refused: string | null;
}

/** The batch of an event: one run that makes the first attempts of many events. */
export interface EventBatch {
  /** Workflow id at Temporal. */
  id: string;
  /** How many other events are in it. */
  others: number;
  /** Whether the event went on in a run of its own, whose workflow id is the event id. */
  own_run: boolean;
  /** The page of the batch in the Temporal UI; null when the bridge does not know where that is. */
  link: string | null;
}

/** What an id stands for in a data folder. */
export type FoundEvent =
  { kind: 'event'; details: EventDetails; body: Buffer } | { kind: 'quarantined'; quarantined: Quarantined };

/**
 * Finds an event or a body in quarantine by its id, or by the id of one of its runs. Temporal is asked about a run that
 * is open, for three seconds at most; without an answer, what the data folder knows counts.
 *
 * @param options.askClosedRuns whether closed runs are asked, too, for what the data folder does not have of the inputs
 *   of their steps, and for what a run did that was cut off: three seconds at most for each run.
 * @returns null for an unknown id.
 */
export async function findEvent(
  settings: Settings,
  anyId: string,
  options: { askClosedRuns: boolean },
): Promise<FoundEvent | null> {
  const id = parseLaterRunId(anyId)?.eventId ?? anyId;
  const reader = InboxReader.open(settings.dataDir);
  const log = new RunLogReader(settings.dataDir);
  const laterRuns = new LaterRunsReader(settings.dataDir);
  try {
    const stored = reader.get(id);
    if (stored === null) {
      const quarantined = reader.getQuarantined(id);
      return quarantined === null ? null : { kind: 'quarantined', quarantined };
    }
    const { event, plan, ruleset, seq, body } = stored;
    const dispatched = log.get(id);
    const later = laterRuns.of(id);
    const last = later.findLast(({ started_at }) => started_at !== null) ?? null;
    const isOpen = last === null ? plan !== null && dispatched?.state !== 'closed' : last.closed_at === null;
    const run = !isOpen
      ? null
      : last === null
        ? await firstRunState(settings, id, dispatched)
        : await runState(settings, workflowIdOf(last));
    const isStarted = seq <= Math.max(log.watermark(), reader.dispatchedThrough());
    const report = reportIn(last ?? dispatched) ?? run?.report ?? null;
    const runs = runsOf(stored, dispatched, later);
    const lastPlan = runs.at(-1)?.plan ?? plan;
    const isForgotten = stored.content_type === FORGOTTEN_CONTENT_TYPE;
    const ask = options.askClosedRuns ? askRunOf(settings) : null;
    const cutOff = report === null && !isOpen && !isForgotten ? runs.at(-1) : undefined;
    const soFar = report !== null ? null : (run?.soFar ?? (await answerOf(ask, cutOff)));
    const ours = new OwnNumbers([...settings.numbers, ...reader.ownNumbers()], settings.country);
    const status = eventStatus({ isIgnored: plan === null, isStarted, dispatched, later: last }, run);
    const details: EventDetails = {
      event,
      rules: plan?.rules.map((rule) => rule.name) ?? [],
      ruleset,
      status,
      became: status,
      left_out: plan === null ? [] : (fitForRun(event).left_out ?? []),
      calls_not_found: notFound(report?.calls ?? soFar?.calls),
      forgotten: isForgotten,
      report,
      so_far: soFar === null ? null : rulesSoFar(soFar, lastPlan),
      held_back: heldBack(lastPlan, report),
      ...(isForgotten ? NOTHING_SENT : await inputsOf(event, ours, withReport(runs, report ?? reportOf(soFar)), ask)),
      held_by: heldBy({ inbox: reader, log, laterRuns }, { ...stored, plan: lastPlan }, report),
      runs: [...(dispatched === null ? [] : [firstRun(dispatched)]), ...later.map(laterRun)],
      batch: dispatched === null ? null : await batchOf(settings, log, dispatched),
      pending: run?.pending ?? [],
      parked: run?.parked ?? [],
      worker_missing: run?.workerMissing ?? false,
    };
    return { kind: 'event', details, body };
  } finally {
    reader.close();
    log.close();
    laterRuns.close();
  }
}

/** Loads Temporal's client only when a run is open: it takes longer than everything else here. */
async function runState(settings: Settings, id: string): Promise<RunState | null> {
  const { askRun } = await import('./run-status.js');
  return askRun(settings, id);
}

/** The state of the batch that an event is in; of its own run when the batch has ended, or when it is in none. */
async function firstRunState(settings: Settings, id: string, dispatched: RunLogEntry | null): Promise<RunState | null> {
  if (dispatched !== null && dispatched.batch !== null && !dispatched.own_run) {
    const batch = await runState(settings, dispatched.batch);
    if (batch === null || batch.status === 'running') {
      return batch;
    }
  }
  return runState(settings, id);
}

async function batchOf(
  settings: Settings,
  log: RunLogReader,
  { batch, own_run }: RunLogEntry,
): Promise<EventBatch | null> {
  if (batch === null) {
    return null;
  }
  const { linkInEmbeddedUi } = await import('./temporal-ui.js');
  return {
    id: batch,
    others: Math.max(0, log.sizeOfBatch(batch) - 1),
    own_run,
    link: linkInEmbeddedUi(settings, batch),
  };
}

function firstRun({ event_id, started_at, closed_at, outcome, batch, own_run }: RunLogEntry): EventRun {
  return {
    run: own_run ? event_id : (batch ?? event_id),
    kind: 'first',
    job: null,
    started_at: started_at.toISOString(),
    closed_at: closed_at?.toISOString() ?? null,
    outcome,
    refused: null,
  };
}

function laterRun(later: LaterRunEntry): EventRun {
  const { kind, job, started_at, closed_at, outcome } = later;
  return {
    run: workflowIdOf(later),
    kind,
    job,
    started_at: started_at?.toISOString() ?? null,
    closed_at: closed_at?.toISOString() ?? null,
    outcome,
    refused: started_at === null && closed_at !== null ? reasonIn(later.report) : null,
  };
}

const refusal = z.object({ reason: z.string() });

function reasonIn(report: string | null): string {
  const found = refusal.safeParse(report === null ? null : JSON.parse(report));
  return found.success ? found.data.reason : 'unknown';
}

/** @param calls as a run reported them: of another version, or of a run that looked up nothing, there are none. */
function notFound(calls: RunReport['calls']): string[] {
  const found = foundCalls.safeParse(calls);
  return found.success ? callsNotFound(found.data) : [];
}

const NOTHING_SENT: EventInputs = { inputs: [], inputs_not_shown: [] };

/** The runs, with the report of the last one: Temporal may know it a moment before the run log. */
function withReport(runs: readonly RunOfEvent[], report: RunReport | null): RunOfEvent[] {
  return runs.map((run, index) =>
    index === runs.length - 1 && report !== null ? { ...run, rules: report.rules, calls: report.calls } : run,
  );
}

function reportOf(soFar: ReportSoFar | null): RunReport | null {
  return soFar === null ? null : { ...soFar.report, ...(soFar.calls === undefined ? {} : { calls: soFar.calls }) };
}

async function answerOf(ask: AskRun | null, run: RunOfEvent | undefined): Promise<ReportSoFar | null> {
  try {
    return ask === null || run === undefined ? null : await ask(run);
  } catch {
    return null;
  }
}

/** Loads Temporal's client when a run is asked. */
function askRunOf(settings: Settings): AskRun {
  return async ({ workflowId, eventId }) => {
    const { askTemporal } = await import('./temporal-client.js');
    const { askReport } = await import('../runs/ask-report.js');
    return askTemporal(settings, (client) =>
      askReport(client, workflowId, isBatchId(workflowId) ? eventId : undefined),
    );
  };
}

function heldBack(plan: Plan | null, report: RunReport | null): EventDetails['held_back'] {
  return (report?.rules ?? []).flatMap(({ rule, outcome, steps }) => {
    const planned = plan?.rules.find(({ name }) => name === rule)?.steps ?? [];
    const ran = new Set(steps.map(({ step }) => step));
    // A rule that a limit held back has no steps at all.
    return outcome === 'skipped' || !steps.some((step) => step.outcome === 'failed')
      ? []
      : planned.flatMap(({ id, action }) => (ran.has(id) ? [] : [{ rule, step: id, action }]));
  });
}
