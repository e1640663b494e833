import type { CallSummary, CanonicalEvent, EventPart } from './canonical-event';
import { agentNamed, judgeCall, type JudgedCall, type Missing } from './call-legs';
import { resourceOf } from './catalogue';
import type { NumberLookup } from './direction';
import type { JsonObject } from './json';
import { foundCalls, knownFrom, type KnownCalls } from './known-calls';
import { referenceAt, textAt } from './payload';

/** An event with what is known of its call, and what would have to be looked up to know the rest. */
export interface CompletedEvent {
  event: CanonicalEvent;
  missing: readonly Missing[];
}

/**
 * Adds to an event what is known of the call that it is of or refers to. Parts that remain unknown are null, and listed
 * in `pending` when VoIPBIN's API may know them.
 *
 * Total and pure: the same arguments give the same event. Of an event whose payload was left out, nothing is added.
 */
export function completeEvent(event: CanonicalEvent, known: KnownCalls, ours: NumberLookup): CompletedEvent {
  const resource = resourceOf(event.type);
  if (resource === 'call') {
    return withJudgement(event, judgeCall(event.type, event.data, known, ours));
  }
  if (resource === null || !REFERRING.has(resource)) {
    return { event, missing: [] };
  }
  const missing: Missing[] = [];
  const callId = event.call_id ?? callThroughResource(resource, event.data, known, missing);
  const data = callId === null ? null : known.call(callId);
  if (callId !== null && data === undefined) {
    missing.push({ part: 'call', what: 'call', id: callId });
  }
  const ids = { call_id: callId, root_call_id: event.root_call_id ?? callId };
  const taker = agentNamed(referenceAt(event.data, 'service_agent_id'), known, missing);
  if (data === null || data === undefined) {
    return completed(event, { ...ids, agent: taker }, missing);
  }
  const call = judgeCall('call_updated', data, known, ours);
  missing.push(...call.missing.filter(({ part }) => part !== 'leg'));
  const summary = summaryOf(call.fields);
  return completed(
    event,
    {
      call_id: callId,
      root_call_id: referenceAt(data, 'master_call_id') ?? callId,
      direction: summary.direction,
      peer: summary.peer,
      ours: summary.ours,
      agent: taker ?? call.agent,
      call: summary,
    },
    missing,
  );
}

/** Adds to a call's event what its legs say. */
export function withJudgement(event: CanonicalEvent, { fields, leg, agent, missing }: JudgedCall): CompletedEvent {
  return completed(event, { answered: fields.answered ?? null, leg, agent }, missing);
}

/**
 * Adds the pending parts of an event that look-ups found; the other parts stay as they are. What VoIPBIN does not have
 * stays null, and is no longer pending.
 */
export function fillPending(event: CanonicalEvent, known: KnownCalls, ours: NumberLookup): CanonicalEvent {
  const pending = new Set(event.pending);
  if (pending.size === 0 || event.left_out?.includes('data') === true) {
    return event;
  }
  const { event: full } = completeEvent(event, known, ours);
  const isNew = (part: EventPart): boolean => pending.has(part);
  return {
    ...event,
    ...(isNew('call')
      ? {
          call_id: full.call_id,
          root_call_id: full.root_call_id,
          direction: full.direction,
          peer: full.peer,
          ours: full.ours,
          call: full.call,
          agent: full.agent,
        }
      : {}),
    ...(isNew('answered') ? { answered: full.answered, call: full.call, agent: full.agent } : {}),
    ...(isNew('leg') ? { leg: full.leg } : {}),
    ...(isNew('agent') ? { agent: full.agent } : {}),
    pending: full.pending,
  };
}

/** Resources that refer to a call, by `reference_type` and `reference_id`, or through a transcription. */
const REFERRING: ReadonlySet<string> = new Set([
  'activeflow',
  'aicall',
  'queuecall',
  'recording',
  'summary',
  'transcribe',
  'transcribe_speech',
  'transcript',
]);

/**
 * The event of a run with what the run looked up.
 * @param calls the result of the look-up, as it is in the run's history; undefined when nothing was looked up.
 */
export function eventWithFound(
  event: CanonicalEvent,
  calls: JsonObject | undefined,
  ours: NumberLookup,
): CanonicalEvent {
  return calls === undefined ? event : fillPending(event, knownFrom(foundCalls.parse(calls)), ours);
}

const TRANSCRIPTIONS: ReadonlySet<string> = new Set(['transcribe', 'transcribe_speech', 'transcript']);

/** A transcript names its transcription, a transcription may be of a recording. */
function callThroughResource(resource: string, data: JsonObject, known: KnownCalls, missing: Missing[]): string | null {
  if (!TRANSCRIPTIONS.has(resource)) {
    return null;
  }
  const transcribe = referenceAt(data, 'transcribe_id');
  const recording = textAt(data, 'reference_type') === 'recording' ? referenceAt(data, 'reference_id') : null;
  const through = transcribe !== null ? (['transcribe', transcribe] as const) : (['recording', recording] as const);
  const [what, id] = through;
  if (id === null) {
    return null;
  }
  const found = known.callOf(what, id);
  if (found === undefined) {
    missing.push({ part: 'call', what, id });
  }
  return found ?? null;
}

function summaryOf(fields: Partial<CanonicalEvent>): CallSummary {
  return {
    direction: fields.direction ?? null,
    peer: fields.peer ?? null,
    ours: fields.ours ?? null,
    answered: fields.answered ?? null,
    talk_s: fields.talk_s ?? null,
    duration_s: fields.duration_s ?? null,
    reason: fields.reason ?? null,
  };
}

function completed(
  event: CanonicalEvent,
  fields: Partial<CanonicalEvent>,
  missing: readonly Missing[],
): CompletedEvent {
  const { pending: _before, ...rest } = event;
  const parts = [...new Set(missing.map(({ part }) => part))];
  return { event: { ...rest, ...fields, ...(parts.length === 0 ? {} : { pending: parts }) }, missing };
}
