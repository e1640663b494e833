import { proxyLocalActivities } from '@temporalio/workflow';
import type { JsonObject } from '../src/events/json';
import type { PlannedStep } from '../src/rules/plan';
import type { DECIDE_RULES, LOOK_UP_CALL } from '../src/runs/names';
import type { DecideInput, RuleDecision, RunInput, StepReport } from '../src/runs/run-contract';

const LOOK_UP: typeof LOOK_UP_CALL = 'voipbin.look_up_call';
const DECIDE: typeof DECIDE_RULES = 'rules.decide';
type DecideActivity = Record<typeof DECIDE, (input: DecideInput) => Promise<Record<string, RuleDecision>>>;

const DAY_MS = 86_400_000;
const ATTEMPT_MS = 30_000;
const FIRST_WAIT_MS = 2_000;
const MAX_WAIT_MS = 300_000;
const DECIDE_ATTEMPTS = 3;

/** What the look-up of an event's call found, and which of the rules that waited for it run. */
export type LookedUp =
  | { ok: true; calls: JsonObject; decisions: Record<string, RuleDecision> }
  | { ok: false; report: Extract<StepReport, { outcome: 'failed' }> };

/**
 * Looks up the call of a run's event, once for all its rules, when the first rule asks for it.
 *
 * It is a step like others: tried again while VoIPBIN does not answer, parked while it refuses the access key. Its id
 * cannot be that of a step in a rule file, where ids have no dots.
 */
export class CallLookUp {
  #result: Promise<LookedUp> | undefined;
  /** What the run that this one continues looked up, or this one. */
  #calls: JsonObject | undefined;

  /** @param run runs a step for the first rule that needs the look-up. */
  constructor(
    private readonly input: RunInput,
    private readonly run: (rule: string, step: PlannedStep) => Promise<StepReport>,
  ) {
    this.#calls = input.earlier?.calls;
  }

  result(): Promise<LookedUp> {
    this.#result ??= this.#lookUp();
    return this.#result;
  }

  /** What is known of the call by now. */
  found(): { calls?: JsonObject } {
    return this.#calls === undefined ? {} : { calls: this.#calls };
  }

  async #lookUp(): Promise<LookedUp> {
    const { event, plan } = this.input;
    if (this.#calls === undefined) {
      const report = await this.#ask();
      if (report.outcome === 'failed') {
        return { ok: false, report };
      }
      this.#calls = report.outcome === 'done' ? report.result : {};
    }
    const calls = this.#calls;
    const rules = plan.rules.flatMap(({ name, country, deferred: condition }) =>
      condition === undefined ? [] : [{ name, country, condition }],
    );
    return { ok: true, calls, decisions: rules.length === 0 ? {} : await decide({ event, calls, rules }) };
  }

  #ask(): Promise<StepReport> {
    const { plan } = this.input;
    const waiting = plan.rules.filter((rule) => rule.look_up !== undefined);
    return this.run(waiting[0]?.name ?? '', {
      id: LOOK_UP,
      action: LOOK_UP,
      effect: 'repeatable',
      input: { parts: [...new Set(waiting.flatMap((rule) => rule.look_up ?? []))] },
      on_error: 'stop',
      retry: { for_ms: DAY_MS, every_ms: FIRST_WAIT_MS, max_every_ms: MAX_WAIT_MS },
      attempt_timeout_ms: ATTEMPT_MS,
    });
  }
}

function decide(input: DecideInput): Promise<Record<string, RuleDecision>> {
  const local = proxyLocalActivities<DecideActivity>({
    startToCloseTimeout: ATTEMPT_MS,
    retry: { maximumAttempts: DECIDE_ATTEMPTS },
    summary: 'rules › conditions on the call',
  });
  return local[DECIDE](input);
}
