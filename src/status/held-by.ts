import type { LaterRunsReader } from '../dispatch/later-runs';
import type { RunLogReader } from '../dispatch/run-log';
import type { InboxReader } from '../inbox/archive/reader';
import type { StoredEvent } from '../inbox/stored-event';
import type { PlannedRule } from '../rules/plan';
import type { RuleReport, RunReport } from '../runs/run-contract';
import { parseDuration } from '../yaml/duration';
import { lastReport, reportIn } from './last-report';

/** Events of the same person that are looked at. */
const MOST_LOOKED_AT = 200;
const COMPARED_DIGITS = 6;
const TEXT_ACTION = 'voipbin.send_message';
const DEFAULT_TEXT_COOLDOWN_MS = 300_000;
/** How rule limits begin in a report (`runs/limits.ts`). */
const LIMIT_COOLDOWN = 'limit: within the cooldown';

/** What used a cooldown up that held something back. The names are the JSON keys of `events show --json`. */
export interface HeldBy {
  rule: string;
  /** The step that was skipped; null when a limit held the whole rule back. */
  step: string | null;
  /** The earlier event whose run acted. */
  event_id: string;
  /** When that run ended: shortly after it acted. */
  acted_at: string;
  /** About when the cooldown ended: counted from `acted_at`. */
  until: string;
}

interface Held {
  rule: string;
  step: string | null;
  windowMs: number;
  /** Whether an earlier run is one that may hold the cooldown. */
  acted: (report: RunReport) => boolean;
  /** Only events of the same person count. */
  samePeer: boolean;
}

/**
 * Finds which earlier events used up the cooldowns that held back steps and rules of an event: the latest earlier event
 * of the same person for which a text went out, or the rule acted, less than the cooldown before. Read from the inbox and
 * the run log, not from Temporal, so it is what probably held it: a cooldown that another data folder's events used up is
 * not found.
 */
export function heldBy(
  readers: { inbox: InboxReader; log: RunLogReader; laterRuns: LaterRunsReader },
  stored: StoredEvent,
  report: RunReport | null,
): HeldBy[] {
  return heldOf(stored, report).flatMap((held) => {
    const found = ownerOf(readers, stored, held);
    return found === null ? [] : [found];
  });
}

function heldOf({ plan }: StoredEvent, report: RunReport | null): Held[] {
  return (report?.rules ?? []).flatMap((done) => {
    const planned = plan?.rules.find(({ name }) => name === done.rule);
    return planned === undefined ? [] : [...ruleHeld(planned, done), ...stepsHeld(planned, done)];
  });
}

function ruleHeld({ name, limits }: PlannedRule, { reason }: RuleReport): Held[] {
  const cooldown = limits?.cooldown ?? null;
  return reason !== LIMIT_COOLDOWN || cooldown === null
    ? []
    : [
        {
          rule: name,
          step: null,
          windowMs: cooldown.window_ms,
          acted: ({ rules }) => rules.some((one) => one.rule === name && one.outcome !== 'skipped'),
          samePeer: cooldown.per?.startsWith('peer') === true,
        },
      ];
}

function stepsHeld({ name, steps }: PlannedRule, { steps: done }: RuleReport): Held[] {
  return done.flatMap((step) => {
    if (step.outcome !== 'skipped' || step.reason !== 'cooldown' || step.action !== TEXT_ACTION) {
      return [];
    }
    const written = steps.find(({ id }) => id === step.step)?.input['cooldown'];
    return [
      {
        rule: name,
        step: step.step,
        windowMs: (typeof written === 'string' ? parseDuration(written) : null) ?? DEFAULT_TEXT_COOLDOWN_MS,
        acted: hasSentText,
        samePeer: true,
      },
    ];
  });
}

function hasSentText({ rules }: RunReport): boolean {
  return rules.some(({ steps }) => steps.some(({ action, outcome }) => action === TEXT_ACTION && outcome === 'done'));
}

function ownerOf(
  { inbox, log, laterRuns }: Parameters<typeof heldBy>[0],
  { seq, event }: StoredEvent,
  { rule, step, windowMs, acted, samePeer }: Held,
): HeldBy | null {
  const receivedAt = Date.parse(event.received_at);
  const peer = event.peer?.number ?? event.call?.peer?.number ?? null;
  if (samePeer && peer === null) {
    return null;
  }
  const earlier = inbox.list({
    before: seq,
    since: new Date(receivedAt - windowMs),
    outcome: 'received',
    limit: MOST_LOOKED_AT,
    ...(samePeer && peer !== null ? { headContains: peer.slice(-COMPARED_DIGITS) } : {}),
  });
  for (const { event: candidate } of earlier) {
    const isSame = [candidate.peer?.number, candidate.call?.peer?.number].includes(peer ?? undefined);
    const first = log.get(candidate.event_id);
    const later = laterRuns.last(candidate.event_id);
    const report = lastReport(first, later);
    const closedAt = (later !== null && reportIn(later) !== null ? later.closed_at : first?.closed_at) ?? null;
    if ((!samePeer || isSame) && report !== null && closedAt !== null && acted(report)) {
      return {
        rule,
        step,
        event_id: candidate.event_id,
        acted_at: closedAt.toISOString(),
        until: new Date(closedAt.getTime() + windowMs).toISOString(),
      };
    }
  }
  return null;
}
