import { LRUCache } from 'lru-cache';
import { resourceOf } from './catalogue';
import { isFitId } from './event-id';
import type { JsonObject } from './json';
import { agentParts, callParts, type KnownCalls } from './known-calls';
import { referenceAt, textAt } from './payload';
import { parseInstant } from './time';

/** About 1 KB each. At 10 calls a second, the calls of the last quarter of an hour. */
const MAX_CALLS = 10_000;
const MAX_REFERENCES = 10_000;
const MAX_AGENTS = 2_000;
/** Legs of one call that are remembered; a ring group may have many. */
const MAX_LEGS = 50;

/**
 * The calls and agents of the latest events, so that an event that only names a call mostly needs no look-up.
 *
 * Guarantees: bounded memory; a time that one event of a call gave is kept when a later event lacks it, for events come
 * in any order. Not guaranteed: that a call is here. It forgets, it starts empty, and each receiver has its own.
 */
export class SeenCalls implements KnownCalls {
  readonly #calls = new LRUCache<string, JsonObject>({ max: MAX_CALLS });
  readonly #legs = new LRUCache<string, string[]>({ max: MAX_CALLS });
  readonly #references = new LRUCache<string, string>({ max: MAX_REFERENCES });
  readonly #agents = new LRUCache<string, JsonObject>({ max: MAX_AGENTS });

  call(id: string): JsonObject | undefined {
    return this.#calls.get(id);
  }

  legsOf(id: string): readonly string[] {
    return this.#legs.get(id) ?? [];
  }

  callOf(what: 'transcribe' | 'recording', id: string): string | undefined {
    return this.#references.get(`${what}/${id}`);
  }

  agent(id: string): JsonObject | undefined {
    return this.#agents.get(id);
  }

  /** Remembers what an event says. @param type its canonical type. */
  note(type: string, data: JsonObject): void {
    const { id } = data;
    const resource = resourceOf(type);
    if (!isFitId(id)) {
      return;
    }
    if (resource === 'call') {
      this.#noteCall(id, callParts(data));
    } else if ((resource === 'transcribe' || resource === 'recording') && textAt(data, 'reference_type') === 'call') {
      const call = referenceAt(data, 'reference_id');
      if (call !== null) {
        this.#references.set(`${resource}/${id}`, call);
      }
    } else if (resource === 'agent') {
      this.#agents.set(id, agentParts(data));
    }
  }

  #noteCall(id: string, parts: JsonObject): void {
    const known = this.#calls.get(id);
    this.#calls.set(id, known === undefined ? parts : merged(known, parts));
    const master = referenceAt(parts, 'master_call_id');
    const legs = master === null ? undefined : (this.#legs.get(master) ?? []);
    if (master !== null && legs !== undefined && !legs.includes(id) && legs.length < MAX_LEGS) {
      this.#legs.set(master, [...legs, id]);
    }
  }
}

/** The later event wins, except that a call that has ended stays so, and a known time is not forgotten. */
function merged(known: JsonObject, parts: JsonObject): JsonObject {
  const result: JsonObject = { ...known, ...parts };
  for (const time of ['tm_create', 'tm_progressing', 'tm_hangup']) {
    const before = known[time];
    if (parseInstant(parts[time]) === null && before !== undefined) {
      result[time] = before;
    }
  }
  if (known['status'] === 'hangup') {
    result['status'] = 'hangup';
  }
  const [before, now] = [known['chained_call_ids'], parts['chained_call_ids']];
  if (Array.isArray(before) && (!Array.isArray(now) || now.length < before.length)) {
    result['chained_call_ids'] = before;
  }
  return result;
}
