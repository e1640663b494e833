import type { JsonObject, JsonValue } from '../src/events/json';
import type { StepResult } from '../src/runs/run-contract';

/**
 * What this machine's workers did, by action key: an attempt whose result did not reach Temporal is made again, and must
 * then find what the provider confirmed instead of doing it again. No function throws.
 */
export interface RememberedEffects {
  /** The result of an effect that was done under this key; null when none is known. */
  recall(key: string): JsonObject | null;
  /** Keeps a result. Resolves when it is on the disk, or cannot be kept: the effect is done either way. */
  remember(key: string, result: JsonObject): Promise<void>;
  /** What the latest attempt that failed on this machine left; null when nothing is known. */
  recallProgress(key: string): AttemptProgress | null;
  /** Keeps what a failed attempt left, as `remember` keeps a result. */
  rememberProgress(key: string, progress: AttemptProgress): Promise<void>;
}

/** What a failed attempt left: some of several recipients may have their mail. */
export interface AttemptProgress {
  /** Number of the attempt, from 1. */
  attempt: number;
  /** What the action saved last; null when it saved nothing. */
  saved: JsonValue;
}

/** Makes an attempt, or returns what another attempt under the same key did. */
export type EffectOnce = (
  key: string,
  attempt: () => Promise<StepResult>,
  onEarlier: (earlier: 'done' | 'under_way') => void,
) => Promise<StepResult>;

/**
 * Guards effects that must not be made twice against attempts that Temporal wrongly takes for lost: it was frozen,
 * killed, or its end was not reported.
 *
 * Guarantees: an effect that was done under a key, and remembered, is not made again. While an attempt is under way in
 * this process, another one under its key waits for it and has its outcome, also its error. A result is remembered
 * before it is returned.
 *
 * Not guaranteed: anything between the provider's confirmation and the end of `remember`, if the process ends there; nor
 * across machines.
 *
 * @returns a function whose `onEarlier` is called when the attempt itself is not made.
 */
export function effectOnce(remembered: RememberedEffects): EffectOnce {
  const underWay = new Map<string, Promise<StepResult>>();

  const run = async (key: string, attempt: () => Promise<StepResult>): Promise<StepResult> => {
    const result = await attempt();
    if (result.outcome === 'done') {
      await remembered.remember(key, result.result);
    }
    return result;
  };

  return async (key, attempt, onEarlier) => {
    const other = underWay.get(key);
    if (other !== undefined) {
      onEarlier('under_way');
      return other;
    }
    const earlier = remembered.recall(key);
    if (earlier !== null) {
      onEarlier('done');
      return { outcome: 'done', result: earlier };
    }
    const running = run(key, attempt);
    underWay.set(key, running);
    try {
      return await running;
    } finally {
      underWay.delete(key);
    }
  };
}
