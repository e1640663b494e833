import { z } from 'zod';
import type { WebhookApi } from '../../connectors/voipbin/webhooks';
import { isWebUrl } from '../../net/url-host';

const method = z.enum(['POST', 'PUT']);
const uri = z.string().max(2_000).refine(isWebUrl, 'expected a URL such as https://bridge.example.com/voipbin/webhook');
const event_types = z.array(z.string().min(1).max(100)).min(1).max(500);
const name = z.string().max(200);
const detail = z.string().max(1_000);
const id = z.string().min(1).max(200);

/**
 * A change of the account's webhooks. `create`, `update` and `delete` are for accounts that can have several, `set` and
 * `clear` for accounts that have one in the customer's record; `connect` does what the account has.
 */
export const webhookChange = z.discriminatedUnion('do', [
  z.strictObject({
    do: z.literal('create'),
    uri,
    name: name.default('VoIPBIN bridge'),
    detail: detail.default(''),
    method: method.default('POST'),
    /** Default: what the rules in force need. */
    event_types: event_types.optional(),
  }),
  z.strictObject({
    do: z.literal('update'),
    id,
    uri: uri.optional(),
    name: name.optional(),
    detail: detail.optional(),
    method: method.optional(),
    event_types: event_types.optional(),
  }),
  z.strictObject({ do: z.literal('delete'), id }),
  z.strictObject({ do: z.literal('set'), uri, method: method.default('POST') }),
  z.strictObject({ do: z.literal('clear') }),
  z.strictObject({
    do: z.literal('connect'),
    /** Default: `public_url` of the settings. */
    uri: uri.optional(),
    /** Also when a request to the URL does not reach the bridge. */
    force: z.boolean().default(false),
  }),
]);

/** See {@link webhookChange}. */
export type WebhookChange = z.infer<typeof webhookChange>;

/** What a change would do. The names are the JSON keys of `bridge webhook … --dry-run --json`. */
export interface WebhookPlan {
  /** Names this plan when it is confirmed; the same while it would do the same. */
  plan: string;
  api: WebhookApi;
  /** What it does, in order; nothing when everything is as it is to be. */
  steps: string[];
  /** What to know besides. */
  notes: string[];
}

/** How a change ended. */
export interface WebhookResult extends WebhookPlan {
  /** Whether everything was done. */
  ok: boolean;
  done: string[];
  /** What kept it from being done. */
  problems: string[];
}
