import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RuleSet } from '../rules/rule-set';
import type { Plan } from '../rules/plan';
import { typesFor } from '../events/catalogue';
import { FORGOTTEN_CONTENT_TYPE } from '../inbox/stored-event';
import { hasTwin } from '../inbox/twins';
import { parseLaterRunId } from '../runs/names';
import { asRecorded, firedByTwin, historyOf, type EventHistory, type Records } from './event-history';
import type { JobPlan, LeftOut, RerunRequest, RetryRequest } from './job';
import { leftToRerun, leftToRetry, type Choice, type Remaining, type StepName } from './what-is-left';

/** Events that one job has at most. */
const MOST_EVENTS = 100_000;
const MOST_IN_SAMPLE = 10;
const PAGE = 100;
/** Events that are read in one go: the receiver answers between them. */
const AT_A_TIME = 20;

/** A plan with the frozen list of events, the oldest first, as their effects came or would have come. */
export interface PlannedJob {
  plan: JobPlan;
  items: { event_id: string; plan: string | null }[];
  /** Ids that were named and that the inbox does not have. */
  unknown: string[];
}

/** The unit in which the operator counts what an action does; null for none. */
export type UnitOf = (action: string) => string | null;

/** Plans a retry: reads what failed, and changes nothing. */
export async function planRetry(
  records: Records,
  request: RetryRequest,
  unitOf: UnitOf,
  now: Date,
): Promise<PlannedJob> {
  const choice = choiceOf(request);
  return collect(records, selectFailed(records, request), unitOf, (history) => {
    const last = history.runs.at(-1);
    const refusal = whyNot(records, history);
    if (refusal !== null || last === undefined) {
      return { leftOut: [refusal ?? 'not_failed'] };
    }
    if (isFine(history)) {
      // Of events that were not named, those that a retry has mended already are not worth a word.
      return { leftOut: request.events === undefined ? [] : ['not_failed'] };
    }
    if (last.outcome === 'refused') {
      return { leftOut: ['refused'] };
    }
    const receivedAt = new Date(history.stored.event.received_at);
    return {
      plan: last.plan,
      remaining: leftToRetry(last.plan, asRecorded(last), choice, { receivedAt, now }),
      json: storedJson(history, last.plan),
    };
  });
}

/** Plans a rerun: matches the events against the rules in force, and changes nothing. */
export async function planRerun(
  records: Records,
  request: RerunRequest,
  rules: Pick<RuleSet, 'plan'>,
  unitOf: UnitOf,
  now: Date,
): Promise<PlannedJob> {
  const choice = choiceOf(request);
  const firedInJob = new Set<string>();
  const selected = request.failed ? selectFailed(records, request) : selectStored(records, request);
  return collect(records, selected, unitOf, (history) => {
    const refusal = whyNot(records, history);
    if (refusal !== null) {
      return { leftOut: [refusal] };
    }
    if (request.failed && isFine(history)) {
      return { leftOut: [] };
    }
    const { event } = history.stored;
    const plan = withRule(rules.plan(event, request.late ? 'webhook' : 'backfill'), request.rule);
    if (plan === null) {
      return { leftOut: ['no_rule'] };
    }
    const receivedAt = new Date(event.received_at);
    const fired = new Set(firedByTwin(records, history.stored));
    if (hasTwin(event.type)) {
      for (const { name } of plan.rules) {
        const key = `${event.id} ${name}`;
        if (firedInJob.has(key)) {
          fired.add(name);
        }
        firedInJob.add(key);
      }
    }
    const { again } = request;
    const remaining = leftToRerun(plan, history.runs.map(asRecorded), { ...choice, again }, fired, { receivedAt, now });
    return { plan, remaining, json: JSON.stringify(withOtherRules(plan, request.rule, history)) };
  });
}

/**
 * The plan of a rerun of one rule, with the other rules of the run before: they stand, so that the new run's report, from
 * which a retry continues, still says what failed of them.
 */
function withOtherRules(plan: Plan, rule: string | undefined, { runs }: EventHistory): Plan {
  const others = rule === undefined ? [] : (runs.at(-1)?.plan.rules.filter(({ name }) => name !== rule) ?? []);
  return { ...plan, rules: [...others, ...plan.rules] };
}

/** What of a new plan a rerun is for; null for nothing. */
function withRule(plan: Plan | null, rule: string | undefined): Plan | null {
  const rules = plan?.rules.filter(({ name }) => rule === undefined || name === rule) ?? [];
  return plan === null || rules.length === 0 ? null : { ...plan, rules };
}

/** The choice that a request makes. */
export function choiceOf(
  request: Pick<RetryRequest, 'rule' | 'ambiguous' | 'late'> &
    Partial<Pick<RetryRequest, 'step' | 'connection' | 'class'>>,
): Choice {
  const { rule, step, connection, class: errorClass, ambiguous, late } = request;
  return { rule, step, connection, class: errorClass, ambiguous: new Set(ambiguous), late };
}

/** A rerun's plan is kept with the run; a retry of it needs it again. */
function storedJson({ stored }: EventHistory, plan: Plan): string | null {
  return plan === stored.plan ? null : JSON.stringify(plan);
}

function whyNot(records: Records, { stored, runs }: EventHistory): LeftOut | null {
  const { event_id } = stored.event;
  if (stored.content_type === FORGOTTEN_CONTENT_TYPE) {
    return 'forgotten';
  }
  const lastLater = records.laterRuns.last(event_id);
  if (records.jobs.lastNumber(event_id) > (lastLater?.number ?? 1)) {
    return 'in_another_job';
  }
  if (lastLater !== null && lastLater.closed_at === null) {
    return 'running';
  }
  const last = runs.at(-1);
  // Without a run, an event with a plan waits for its first start, or the run log has lost it.
  return (last === undefined && stored.plan !== null) || last?.outcome === null ? 'running' : null;
}

type Judged = { leftOut: LeftOut[] } | { plan: Plan; remaining: Remaining; json: string | null };

async function collect(
  records: Records,
  selected: AsyncIterable<string>,
  unitOf: UnitOf,
  judge: (history: EventHistory) => Judged,
): Promise<PlannedJob> {
  const plan: JobPlan = { events: 0, rules: {}, steps: {}, effects: {}, left_out: {}, sample: [], cut: false };
  const items: (PlannedJob['items'][number] & { seq: number })[] = [];
  const unknown: string[] = [];
  for await (const eventId of selected) {
    if (items.length === MOST_EVENTS) {
      plan.cut = true;
      break;
    }
    const history = historyOf(records, eventId);
    if (history === null) {
      unknown.push(eventId);
      continue;
    }
    const judged = judge(history);
    const leftOut = 'remaining' in judged ? judged.remaining.leftOut : judged.leftOut;
    for (const reason of leftOut) {
      plan.left_out[reason] = (plan.left_out[reason] ?? 0) + 1;
    }
    if (!('remaining' in judged) || judged.remaining.steps.length === 0) {
      continue;
    }
    count(plan, judged.plan, judged.remaining.steps, unitOf);
    if (judged.remaining.doubtful > 0) {
      plan.may_have_happened = (plan.may_have_happened ?? 0) + judged.remaining.doubtful;
    }
    items.push({ event_id: eventId, plan: judged.json, seq: history.stored.seq });
  }
  // What is too much for a job is the oldest; within the job, posts and texts come in the order of the events.
  items.sort((one, other) => one.seq - other.seq);
  plan.sample = items.slice(0, MOST_IN_SAMPLE).map(({ event_id }) => event_id);
  return { plan, items: items.map(({ event_id, plan: json }) => ({ event_id, plan: json })), unknown };
}

function count(into: JobPlan, plan: Plan, steps: readonly { rule: string; step: StepName }[], unitOf: UnitOf): void {
  into.events += 1;
  for (const rule of new Set(steps.map((entry) => entry.rule))) {
    into.rules[rule] = (into.rules[rule] ?? 0) + 1;
  }
  for (const { rule, step } of steps) {
    into.steps[step.action] = (into.steps[step.action] ?? 0) + 1;
    const isShadow = plan.rules.some(({ name, shadow }) => name === rule && shadow === true);
    const unit = isShadow ? null : unitOf(step.action);
    if (unit !== null) {
      into.effects[unit] = (into.effects[unit] ?? 0) + 1;
    }
  }
}

/** Whether nothing of its last run failed. */
function isFine({ runs }: EventHistory): boolean {
  return ['done', 'skipped'].includes(runs.at(-1)?.outcome ?? '');
}

/** Ids of events that have failed, newest first; later runs may have mended them. */
async function* selectFailed(
  records: Records,
  request: Pick<RetryRequest, 'events' | 'since' | 'until' | 'type'>,
): AsyncGenerator<string> {
  if (request.events !== undefined) {
    yield* named(request.events);
    return;
  }
  const passes = filterOf(request);
  const seen = new Set<string>();
  let turn = 0;
  for (let before: number | undefined; ;) {
    const page = records.runLog.failed(PAGE, before);
    for (const { event_id } of page) {
      const stored = records.inbox.get(event_id);
      if (stored !== null && isBefore(stored.event.received_at, request.since)) {
        before = 0;
        break;
      }
      if (stored !== null && passes(stored.event)) {
        seen.add(event_id);
        yield event_id;
      }
      turn = await breathe(turn);
    }
    if (page.length < PAGE || before === 0) {
      break;
    }
    before = page.at(-1)?.seq;
  }
  for (const event_id of records.laterRuns.failedEvents()) {
    const stored = seen.has(event_id) ? null : records.inbox.get(event_id);
    if (stored !== null && passes(stored.event)) {
      yield event_id;
    }
    turn = await breathe(turn);
  }
}

/** Ids of the events that a rerun is for, newest first. */
async function* selectStored(records: Records, request: RerunRequest): AsyncGenerator<string> {
  if (request.events !== undefined) {
    yield* named(request.events);
    return;
  }
  const passes = filterOf(request);
  let turn = 0;
  for (let before: number | undefined; ;) {
    const page = records.inbox.list({
      limit: PAGE,
      ...(before === undefined ? {} : { before }),
      ...(request.since === undefined ? {} : { since: new Date(request.since) }),
    });
    for (const { event } of page) {
      if (passes(event)) {
        yield event.event_id;
      }
      turn = await breathe(turn);
    }
    if (page.length < PAGE) {
      return;
    }
    before = page.at(-1)?.seq;
  }
}

/** Lets the receiver answer between events. */
async function breathe(turn: number): Promise<number> {
  if (turn % AT_A_TIME === 0) {
    await nextTurn();
  }
  return turn + 1;
}

function* named(events: readonly string[]): Generator<string> {
  yield* new Set(events.map((id) => parseLaterRunId(id)?.eventId ?? id));
}

function filterOf(
  request: Pick<RetryRequest, 'since' | 'until' | 'type'>,
): (event: { type: string; received_at: string }) => boolean {
  const types = request.type === undefined ? null : (typesFor(request.type) ?? [request.type]);
  const { since, until } = request;
  return ({ type, received_at }) =>
    !isBefore(received_at, since) &&
    (until === undefined || isBefore(received_at, until)) &&
    (types === null || types.includes(type));
}

function isBefore(instant: string, bound: string | undefined): boolean {
  return bound !== undefined && Date.parse(instant) < Date.parse(bound);
}
