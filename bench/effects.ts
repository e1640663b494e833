import { z } from 'zod';
import { eventually } from './clock';

const seenRows = z.array(z.tuple([z.string(), z.number(), z.number()]));

/** The requests that the CRM received for one event. */
export interface Effect {
  /** When the first request arrived (clock.ts). */
  at: number;
  /** How many requests arrived. */
  times: number;
}

/** Everything that the CRM received, by the event's `data.id`. */
export async function effectsAt(crm: string): Promise<Map<string, Effect>> {
  const rows = seenRows.parse(await (await fetch(`${crm}/seen`)).json());
  return new Map(rows.map(([id, at, times]) => [id, { at, times }]));
}

/** The effects of these events. */
export interface Verified {
  /** For every event that had an effect. */
  effects: Effect[];
  /** Events without an effect. */
  lost: number;
  /** Effects beyond the first of an event. */
  twice: number;
  /** When the last effect arrived. */
  lastAt: number;
}

/**
 * Waits until the CRM has received as many new calls as these, then looks every one up by its id: an effect with a wrong
 * id does not count.
 * @param before how many calls the CRM had received before.
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
  // What is missing after this time counts as lost.
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

/** How many different events the CRM has received. */
export async function countAt(crm: string): Promise<number> {
  return z.number().parse(await (await fetch(`${crm}/count`)).json());
}
