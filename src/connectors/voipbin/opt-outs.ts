import { readInboundText } from '../../events/inbound-text';
import { ActionError } from '../action-error';
import type { ActionContext } from '../action-context';
import type { Recipient } from './loop-guard';

/** Why a person is not texted: a word for the report (`skipped: opted_out`). */
export type OptOutReason =
  /** The person asked our number for no more texts, by this event or earlier. */
  | 'opted_out'
  /** The text confirms an opt-out, and the event is none. */
  | 'no_opt_out'
  /** The person was out before, and has its confirmation. */
  | 'already_confirmed';

type Allowed = Extract<Recipient, { send: true }>;

/**
 * Says why a recipient must not be texted. What the event itself asks for counts before the bridge's own rule has
 * recorded it, in whichever order the two run.
 *
 * @param toOptedOut as in the rule: `confirm` is a confirmation, sent only in answer to the opt-out.
 * @throws ActionError `transient` when Temporal does not answer: nothing is sent then.
 */
export async function whyNotTexted(
  { event, optOuts }: Pick<ActionContext<unknown>, 'event' | 'optOuts'>,
  { to, from, answers }: Allowed,
  toOptedOut: 'skip' | 'confirm',
): Promise<OptOutReason | null> {
  const text = answers === 'stop' || answers === 'start' ? readInboundText(event) : null;
  const at = new Date(event.occurred_at);
  if (toOptedOut === 'confirm') {
    if (answers !== 'stop' || text === null) {
      return 'no_opt_out';
    }
    const since = await asked(optOuts.record({ ours: text.ours, peer: text.peer }, 'out', at));
    return since === null ? 'no_opt_out' : since.getTime() === at.getTime() ? null : 'already_confirmed';
  }
  if (answers === 'stop') {
    return 'opted_out';
  }
  if (text !== null) {
    await asked(optOuts.record({ ours: text.ours, peer: text.peer }, 'in', at));
  }
  return (await asked(optOuts.since({ ours: from, peer: to }))) === null ? null : 'opted_out';
}

async function asked<Answer>(asking: Promise<Answer>): Promise<Answer> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof ActionError) {
      throw error;
    }
    throw new ActionError('transient', 'it could not be checked whether the recipient asked for no more texts', {
      connection: 'voipbin',
      code: 'opt_outs_unavailable',
    });
  }
}
