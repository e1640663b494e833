import type {
  ActionContext,
  ActionOutcome,
  Cooldowns,
  NumberPair,
  OptOuts,
} from '../../../src/connectors/action-context';
import type { Action } from '../../../src/connectors/connector';
import type { CanonicalEvent } from '../../../src/events/canonical-event';
import type { JsonObject, JsonValue } from '../../../src/events/json';
import { eventOf } from '../../events/event-of';

/** An inbound text from a phone to our number; every test changes what it is about. */
export function inboundText(changes: Partial<CanonicalEvent> = {}): CanonicalEvent {
  return eventOf({
    type: 'message_created',
    declared_type: 'message_created',
    event_id: 'message_created/m-1',
    id: 'm-1',
    direction: 'inbound',
    peer: { type: 'tel', number: '+15551234567', name: null },
    ours: { type: 'tel', number: '+15559876543', name: null },
    text: 'Hello',
    call_id: null,
    root_call_id: null,
    data: {},
    ...changes,
  });
}

/** A finished recording of a call. */
export function finishedRecording(id: string, changes: Partial<CanonicalEvent> = {}): CanonicalEvent {
  return inboundText({
    type: 'recording_finished',
    declared_type: 'recording_finished',
    event_id: `recording_finished/${id}`,
    id,
    direction: null,
    peer: null,
    ours: null,
    text: null,
    status: 'ended',
    recording_ready: true,
    ...changes,
  });
}

/** Cooldowns as the contract has them, in memory, with a clock that the test moves. */
export class MemoryCooldowns implements Cooldowns {
  now = 0;
  readonly held = new Map<string, { owner: string; until: number }>();

  async claim(key: string, windowMs: number, owner: string): Promise<'claimed' | 'held'> {
    const current = this.held.get(key);
    if (current !== undefined && current.until > this.now && current.owner !== owner) {
      return 'held';
    }
    if (current === undefined || current.until <= this.now) {
      this.held.set(key, { owner, until: this.now + windowMs });
    }
    return 'claimed';
  }

  async release(key: string, owner: string): Promise<void> {
    if (this.held.get(key)?.owner === owner) {
      this.held.delete(key);
    }
  }
}

/** Opt-outs as the contract has them, in memory. */
export class MemoryOptOuts implements OptOuts {
  readonly #wishes = new Map<string, { state: 'out' | 'in'; at: number }>();

  async since(pair: NumberPair): Promise<Date | null> {
    const wish = this.#wishes.get(keyOf(pair));
    return wish?.state === 'out' ? new Date(wish.at) : null;
  }

  async record(pair: NumberPair, state: 'out' | 'in', at: Date): Promise<Date | null> {
    const wish = this.#wishes.get(keyOf(pair));
    if (
      (wish === undefined && state === 'out') ||
      (wish !== undefined && wish.state !== state && at.getTime() > wish.at)
    ) {
      this.#wishes.set(keyOf(pair), { state, at: at.getTime() });
    }
    return this.since(pair);
  }
}

function keyOf({ ours, peer }: NumberPair): string {
  return `${ours ?? ''} ${peer}`;
}

/** What a step needs besides its input; several attempts of one step share it. */
export interface StepSetting<Client> {
  client: Client;
  event?: CanonicalEvent;
  rule?: string;
  attempt?: number;
  startedAt?: Date;
  progress?: { last: JsonValue };
  cooldowns?: Cooldowns;
  optOuts?: OptOuts;
  ours?: readonly string[];
  signal?: AbortSignal;
  clients?: Readonly<Record<string, unknown>>;
}

/** Runs one attempt of an action as the worker does. */
export function runAttempt<Client>(
  action: Action<Client>,
  setting: StepSetting<Client>,
  input: JsonObject,
): Promise<ActionOutcome<JsonObject>> {
  const event = setting.event ?? inboundText();
  const progress = setting.progress ?? { last: null };
  const context: ActionContext<Client> = {
    client: setting.client,
    key: `${event.event_id}/${setting.rule ?? 'reply'}/step#1`,
    signal: setting.signal ?? new AbortController().signal,
    event,
    log: { info: () => undefined, warn: () => undefined },
    attempt: setting.attempt ?? 1,
    startedAt: setting.startedAt ?? new Date(),
    progress: {
      last: progress.last,
      save: (detail) => {
        progress.last = detail;
      },
    },
    country: null,
    timezone: 'UTC',
    isOurs: (number) => (setting.ours ?? ['+15559876543']).includes(number),
    cooldowns: setting.cooldowns ?? new MemoryCooldowns(),
    optOuts: setting.optOuts ?? new MemoryOptOuts(),
    // The worker's own look-up is as blind: a client's type is known to its connector alone.
    clientOf: <Other>(connector: {
      readonly name: string;
      readonly connection: { open(settings: never): Other | Promise<Other> };
    }) => setting.clients?.[connector.name] as Other,
  };
  return action.run(context, input);
}
