import { z } from 'zod';
import { eventually } from './clock';

const seenRows = z.array(z.tuple([z.string(), z.number(), z.number()]));

/** What the CRM got of one event. */
export interface Effect {
  /** When the first request came (clock.ts). */
  at: number;
  /** How often it came. */
  times: number;
}

/** All that the CRM got, by the event's `data.id`. */
export async function effectsAt(crm: string): Promise<Map<string, Effect>> {
  const rows = seenRows.parse(await (await fetch(`${crm}/seen`)).json());
  return new Map(rows.map(([id, at, times]) => [id, { at, times }]));
}

/** The effects of these events. */
export interface Verified {
  /** Of every event that had one. */
  effects: Effect[];
  /** Events without an effect. */
  lost: number;
  /** Effects beyond one for an event. */
  twice: number;
  /** When the last one came. */
  lastAt: number;
}

/**
 * Waits until the CRM has got as many new calls as these, then looks every one up by its id: an effect that went to a
 * wrong id counts for none.
 * @param before how many the CRM had got before.
 */
export async function effectsOf(
  crm: string,
  ids: readonly string[],
  before: number,
  withinMs: number,
  onLook: (done: number) => void = () => undefined,
): Promise<Verified> {
  const enough = async (): Promise<true | null> => {
    const count = (await countAt(crm)) - before;
    onLook(count);
    return count >= ids.length ? true : null;
  };
  // What is missing after this time is counted as lost below.
  await eventually('all effects were there', enough, withinMs, 100).catch(() => undefined);
  const all = await effectsAt(crm);
  const effects = ids.flatMap((id) => all.get(id) ?? []);
  return {
    effects,
    lost: ids.length - effects.length,
    twice: effects.reduce((sum, { times }) => sum + times - 1, 0),
    lastAt: effects.reduce((last, { at }) => Math.max(last, at), 0),
  };
}

/** How many different events the CRM knows. */
export async function countAt(crm: string): Promise<number> {
  return z.number().parse(await (await fetch(`${crm}/count`)).json());
}
