/** A step that failed for one event or more. */
export interface FailedStepName {
  rule: string;
  step: string;
  class: string;
  code: string;
}

/** Alerts are sent while failures are new: a day is enough, and `--ambiguous` needs a beginning. */
const SINCE = '24h';

/**
 * The command that does a failed step of a rule again for all events, as a person types it: for what may have happened it
 * names the step, and what came too late needs a word of its own, because without them the command leaves such steps out.
 */
export function retryCommand(failure: FailedStepName, verb: 'retry' | 'rerun' = 'retry'): string {
  return [
    `bridge events ${verb} --failed --rule ${failure.rule}`,
    ...(failure.class === 'ambiguous' ? [`--since ${SINCE} --ambiguous ${failure.rule}/${failure.step}`] : []),
    ...(failure.code === 'too_late' ? ['--late'] : []),
  ].join(' ');
}
