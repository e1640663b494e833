import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../src/events/json';
import type { Random } from './random';

/** A call or a message at VoIPBIN: what events are about. */
export interface Subject {
  /** `data.id` of its events. */
  id: string;
  kind: 'call' | 'message';
}

/** One event on its way to the bridge. VoIPBIN sends some of them more than once, and in no certain order. */
export interface Delivery {
  subject: Subject;
  /** The id that the bridge gives it. */
  eventId: string;
  body: Buffer;
}

/** What {@link traffic} makes. */
export interface TrafficOptions {
  /** How many calls and messages, half of each unless `kinds` says otherwise. */
  subjects: number;
  kinds?: readonly Subject['kind'][];
  /** The share that comes a second time: 0.2 unless said otherwise. */
  duplicates?: number;
}

const EVENTS = join(__dirname, '..', '..', 'config', 'samples');
/** A few only, as the bridge looks each up once in HubSpot, four a second; the last two are no contacts yet. */
const CALLERS = ['+15551234567', '+15559990001', '+15559990002'];
/** An event is moved by up to so many places, a second one of it by up to so many more: what comes first is chance. */
const MOVED = 10;
const MOVED_AGAIN = 60;

const fixture = (name: string): { type: string; data: JsonObject } =>
  JSON.parse(readFileSync(join(EVENTS, `${name}.json`), 'utf8')) as { type: string; data: JsonObject };
const FIXTURES = {
  call: fixture('call_hangup'),
  message: fixture('message_created'),
  twin: fixture('conversation_message_created'),
};

/**
 * Ended calls and texts that came in, each with an id of its own, shuffled. Of those that come twice some are
 * byte-identical, some were written again with another `tm_update`, and some are a message's
 * `conversation_message_created` twin.
 */
export function traffic(random: Random, options: TrafficOptions): Delivery[] {
  const placed: { place: number; delivery: Delivery }[] = [];
  for (let index = 0; index < options.subjects; index += 1) {
    const subject: Subject = { id: random.uuid(), kind: random.pick(options.kinds ?? ['call', 'message']) };
    const caller = random.pick(CALLERS);
    const first = deliveryOf(subject, caller, 'first');
    const place = index + random.next() * MOVED;
    placed.push({ place, delivery: first });
    if (random.next() < (options.duplicates ?? 0.2)) {
      const again = random.pick(
        subject.kind === 'call' ? (['same', 'rewritten'] as const) : (['same', 'rewritten', 'twin'] as const),
      );
      placed.push({
        place: index + random.next() * MOVED_AGAIN,
        delivery: again === 'same' ? first : deliveryOf(subject, caller, again),
      });
    }
  }
  return placed.sort((one, other) => one.place - other.place).map(({ delivery }) => delivery);
}

function deliveryOf(subject: Subject, caller: string, as: 'first' | 'rewritten' | 'twin'): Delivery {
  const { type, data } = FIXTURES[subject.kind === 'call' ? 'call' : as === 'twin' ? 'twin' : 'message'];
  const { id } = subject;
  const now = Date.now();
  const at = (msAgo: number): string => new Date(now - msAgo).toISOString();
  const times =
    subject.kind === 'call'
      ? { tm_create: at(64_000), tm_progressing: at(60_000), tm_hangup: at(0) }
      : { tm_create: at(0) };
  const body: JsonObject = {
    type,
    data: {
      ...data,
      ...times,
      id,
      ...(as === 'twin' ? { reference_id: id } : {}),
      source: { type: 'tel', target: caller },
      tm_update: as === 'rewritten' ? at(-1_500) : as === 'twin' ? null : at(0),
    },
  };
  return { subject, eventId: `${type}/${id}`, body: Buffer.from(JSON.stringify(body)) };
}
