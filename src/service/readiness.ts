import type { PartState } from '../admin/server';
import type { Inbox } from '../inbox/inbox';
import type { LiveRules } from '../rules/live-rules';
import type { FailingConnection } from '../worker/failing-connections';
import { counted } from '../text/counted';
import type { ChildSupervisor } from './child/supervisor';

/** The state of a process that works with Temporal. */
export interface TemporalState {
  /** Why Temporal cannot be used, or null. */
  temporal: string | null;
  /** Parked connections by name, with the reason. */
  parked: Record<string, string>;
  /** Whether Temporal has said so since the start; before, `parked` has only what this process saw itself. */
  parked_known: boolean;
  /** Connections whose attempts all fail, by name. */
  failing: Record<string, FailingConnection>;
  /** Which connections have answered since the worker started, and when that was, in epoch milliseconds. */
  seen_working: { since: number; names: string[] };
}

/** The rules' part of /readyz. */
export function rulesPart(rules: LiveRules): PartState {
  const problem = rules.problem();
  return problem === null ? { ok: true, detail: `rule set ${rules.ruleSet.hash}` } : { ok: false, detail: problem };
}

/** The inbox's part of /readyz. */
export function inboxPart(inbox: Inbox): PartState {
  const problem = inbox.problem();
  if (problem !== null) {
    return { ok: false, detail: `${problem.code} since ${problem.since.toISOString()}: ${problem.message}` };
  }
  const { depth, oldestAgeMs } = inbox.backlog();
  return {
    ok: true,
    detail:
      depth === 0
        ? 'no event waits'
        : `${counted(depth, 'event')} ${depth === 1 ? 'waits' : 'wait'} to be started, the oldest for ${Math.round(oldestAgeMs / 1_000)} s`,
  };
}

/** A child process' part of /readyz. */
export function childPart(child: Pick<ChildSupervisor, 'problem'>): PartState {
  const problem = child.problem();
  return problem === null
    ? { ok: true, detail: 'running' }
    : { ok: false, detail: `${problem}; events are kept and handled when it runs` };
}

/** The parts of /readyz that a worker reports: Temporal and the connections. */
export function workerParts({ temporal, parked, failing }: Omit<TemporalState, 'seen_working' | 'parked_known'>): {
  temporal: PartState;
  connections: PartState;
} {
  const reasons = [
    ...Object.entries(parked).map(([name, reason]) => `${name} parked: ${reason}`),
    ...Object.entries(failing).map(
      ([name, { code, since }]) => `${name} fails since ${new Date(since).toISOString()} (${code})`,
    ),
  ];
  return {
    temporal: temporalPart(temporal),
    connections:
      reasons.length === 0 ? { ok: true, detail: 'none parked or failing' } : { ok: false, detail: reasons.join('; ') },
  };
}

/** Temporal's part of /readyz. @param problem why Temporal cannot be used, or null. */
export function temporalPart(problem: string | null): PartState {
  return problem === null
    ? { ok: true, detail: 'answers' }
    : { ok: false, detail: `${problem} (events and runs wait, nothing is lost)` };
}
