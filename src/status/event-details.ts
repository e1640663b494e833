import type { CanonicalEvent } from '../events/canonical-event';
import { RunLogReader, type RunLogEntry } from '../dispatch/run-log';
import { InboxReader } from '../inbox/archive/reader';
import type { Quarantined } from '../inbox/stored-event';
import { fitForRun } from '../runs/fit-for-run';
import type { RunReport } from '../runs/run-contract';
import type { Settings } from '../settings/settings';
import { eventStatus } from './event-status';
import type { RunState } from './run-status';

/** All that is known about one event. The names are the JSON keys of `events show --json`. */
export interface EventDetails {
  event: CanonicalEvent;
  /** The rules that matched. */
  rules: string[];
  /** Hash of the rule set that was in force when it came. */
  ruleset: string | null;
  /** Its status, as in `EVENT_STATUSES`. */
  became: string;
  /** Paths of the parts that its run does not have: the event is too large for Temporal. A step that reads one fails. */
  left_out: readonly string[];
  /** What its run reported; null until the run has ended. */
  report: RunReport | null;
  /** Steps that are being retried. */
  pending: RunState['pending'];
  /** Steps that wait for a parked connection. */
  parked: RunState['parked'];
  /** The run is open, and no worker polls Temporal. */
  worker_missing: boolean;
}

/** What an id stands for in a data folder. */
export type FoundEvent =
  { kind: 'event'; details: EventDetails; body: Buffer } | { kind: 'quarantined'; quarantined: Quarantined };

/**
 * Finds an event or a body in quarantine by its id. Temporal is asked about a run that is open, for three seconds at
 * most; without an answer, what the data folder knows counts.
 * @returns null for an unknown id.
 */
export async function findEvent(settings: Settings, id: string): Promise<FoundEvent | null> {
  const reader = InboxReader.open(settings.dataDir);
  const log = new RunLogReader(settings.dataDir);
  try {
    const stored = reader.get(id);
    if (stored === null) {
      const quarantined = reader.getQuarantined(id);
      return quarantined === null ? null : { kind: 'quarantined', quarantined };
    }
    const { event, plan, ruleset, seq, body } = stored;
    const dispatched = log.get(id);
    const isOpen = plan !== null && dispatched?.state !== 'closed';
    const run = isOpen ? await runState(settings, id) : null;
    const isStarted = seq <= Math.max(log.watermark(), reader.dispatchedThrough());
    const details: EventDetails = {
      event,
      rules: plan?.rules.map((rule) => rule.name) ?? [],
      ruleset,
      became: eventStatus({ isIgnored: plan === null, isStarted, dispatched }, run),
      left_out: plan === null ? [] : (fitForRun(event).left_out ?? []),
      report: parseReport(dispatched),
      pending: run?.pending ?? [],
      parked: run?.parked ?? [],
      worker_missing: run?.workerMissing ?? false,
    };
    return { kind: 'event', details, body };
  } finally {
    reader.close();
    log.close();
  }
}

/** Loads Temporal's client only when a run is open: it takes longer than everything else here. */
async function runState(settings: Settings, id: string): Promise<RunState | null> {
  const { askRun } = await import('./run-status.js');
  return askRun(settings, id);
}

function parseReport(dispatched: RunLogEntry | null): RunReport | null {
  const report: unknown = dispatched?.report === null || dispatched === null ? null : JSON.parse(dispatched.report);
  return typeof report === 'object' && report !== null && 'rules' in report ? (report as RunReport) : null;
}
