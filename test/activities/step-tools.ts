import type { RememberedEffects } from '../../activities/effect-once';
import type { StepTools } from '../../activities/attempt';
import { renderInput } from '../../src/rules/language/template';

/** Remembers nothing, as a worker whose disk refuses to write. */
export const NONE_REMEMBERED: RememberedEffects = {
  recall: () => null,
  remember: async () => undefined,
  recallProgress: () => null,
  rememberProgress: async () => undefined,
};

const quiet = (): void => undefined;

/** What attempts need from their worker: real rendering, cooldowns that are free, queues that take every step. */
export function stepTools(changes: Partial<StepTools>): StepTools {
  return {
    connections: new Map(),
    gates: new Map(),
    render: (input, scope, action) =>
      renderInput(input, {
        ...scope,
        sinkOf: (name) => action.sinkOf(name),
        accepts: (path, value) => action.accepts(path, value),
        isMoment: (name) => action.isMoment(name),
      }),
    secrets: { lookUp: () => ({ ok: false, kind: 'missing', message: 'there is none', hint: 'make one' }) },
    evaluate: () => true,
    isOurs: () => false,
    cooldowns: { claim: async () => 'claimed', release: async () => undefined },
    optOuts: { since: async () => null, record: async () => null },
    parking: {
      checkQueueEveryMs: 1,
      park: async () => undefined,
      enqueue: async () => true,
      reportWorking: async () => undefined,
      reportProbeOver: async () => undefined,
    },
    effects: NONE_REMEMBERED,
    log: { debug: quiet, info: quiet, warn: quiet },
    onAttempt: quiet,
    ...changes,
  };
}
