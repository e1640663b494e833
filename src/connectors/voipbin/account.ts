import { ActionError } from '../action-error';
import type { ActionUse } from '../connector';
import type { Account, VoipbinClient } from './client';

/** Says why VoIPBIN would take no texts from this account; null when it shows no reason. */
export function whyNoTexts({ identity, credit }: Account): string | null {
  if (identity !== null && identity !== 'verified') {
    return `the identity of the account is not verified (${/^[a-z_]{1,20}$/.test(identity) ? identity : 'unknown status'})`;
  }
  return credit !== null && credit <= 0 ? 'the account has no credit left' : null;
}

/** The part of the connection that sends texts: an account without credit still gives out its recordings. */
export const TEXTS = 'texts';

/** What to do about {@link whyNoTexts}, or when the cause is one of the two. */
export const ACCOUNT_REMEDY = 'Top up the VoIPBIN account and finish its identity verification, in its console.';

/**
 * Says which account is connected, for `connections check`.
 * @throws ActionError `credential` when live rules send texts and the account shows why it may not.
 */
export function checkAccount(account: Account, needs: readonly ActionUse[]): string {
  const cause = whyNoTexts(account);
  if (cause === null) {
    return `customer ${account.id}`;
  }
  const rules = needs.filter(({ action }) => action === 'voipbin.send_message').flatMap(({ rules: names }) => names);
  if (rules.length === 0) {
    return `customer ${account.id}, which cannot send texts: ${cause}`;
  }
  throw new ActionError('credential', `voipbin sends no texts (rules ${[...new Set(rules)].join(', ')}): ${cause}`, {
    connection: 'voipbin',
    part: TEXTS,
    code: 'account_not_ready',
    remedy: ACCOUNT_REMEDY,
  });
}

/**
 * The error of a text that VoIPBIN answered with 500 and did not take. It names the cause as far as the account shows
 * one, else both that VoIPBIN does not tell apart. Class `credential`: the next text would be refused alike.
 *
 * @throws nothing: an account that cannot be read shows no cause.
 */
export async function refusedText(
  client: VoipbinClient,
  failure: ActionError,
  signal: AbortSignal,
): Promise<ActionError> {
  const cause = await client.getAccount(signal).then(whyNoTexts, () => null);
  return new ActionError(
    'credential',
    cause === null
      ? 'voipbin took no text (500) and does not say why: the account lacks credit or a verified identity, or voipbin itself is in trouble'
      : `voipbin took no text (500): ${cause}`,
    { ...failure.detail, part: TEXTS, code: 'account_not_ready', remedy: ACCOUNT_REMEDY },
  );
}
