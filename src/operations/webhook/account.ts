import { ApiError } from '../../admin/api';
import { ActionError } from '../../connectors/action-error';
import type { NewRegistration, Registration, Webhooks } from '../../connectors/voipbin/webhooks';
import type { SubscriptionNames } from '../../events/subscriptions';

/** A change with both of its requests is done by then, or given up. */
const WITHIN_MS = 60_000;

/** The webhooks of an account, while somebody uses them. */
export interface OpenAccount {
  webhooks: Webhooks;
  close(): Promise<void>;
}

/** Opens the account that the settings name; null when they name none. @throws ApiError when that is not known yet. */
export type OpenWebhooks = () => Promise<OpenAccount | null>;

/**
 * Works with the account's webhooks.
 * @throws ApiError without an account, and for what VoIPBIN refuses or does not answer.
 */
export async function withAccount<Answer>(
  open: OpenWebhooks,
  work: (webhooks: Webhooks, signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const account = await open();
  if (account === null) {
    throw new ApiError(
      409,
      'no_access_key',
      'there is no access key for VoIPBIN, so the bridge cannot ask it: set VOIPBIN_ACCESS_KEY',
    );
  }
  try {
    return await work(account.webhooks, AbortSignal.timeout(WITHIN_MS));
  } catch (error) {
    throw error instanceof ActionError ? asApiError(error) : error;
  } finally {
    await account.close();
  }
}

function asApiError({ errorClass, message, detail }: ActionError): ApiError {
  const remedy = detail.remedy === undefined ? '' : `: ${detail.remedy}`;
  return errorClass === 'transient'
    ? new ApiError(
        503,
        'voipbin_away',
        `${message} (${detail.code})${remedy}. What was asked for may have been done: look with bridge webhook status, then try again`,
      )
    : new ApiError(409, 'voipbin_refused', `${message} (${detail.code})${remedy}`);
}

/**
 * Creates or changes a webhook that is subscribed to event types. VoIPBIN's page does not say which names are taken: when
 * all of them are refused, those of its list are tried, then the dotted ones of its examples.
 * @throws ActionError of the last attempt.
 */
export async function subscribe(
  webhooks: Webhooks,
  target: { id: string } | { create: Omit<NewRegistration, 'event_types'> },
  names: SubscriptionNames,
  signal: AbortSignal,
): Promise<Registration> {
  const attempt = (event_types: string[]): Promise<Registration> =>
    'id' in target
      ? webhooks.update(target.id, { event_types }, signal)
      : webhooks.create({ ...target.create, event_types }, signal);
  let refusal: unknown;
  for (const event_types of [names.all, names.documented, names.dotted].filter((some) => some.length > 0)) {
    try {
      return await attempt(event_types);
    } catch (error) {
      if (!(error instanceof ActionError) || error.errorClass !== 'permanent') {
        throw error;
      }
      refusal = error;
    }
  }
  throw refusal;
}
