import { z } from 'zod';
import { duration, durationMs } from '../../yaml/duration';
import { secret } from '../../settings/secret';

const ONE_LINE = /^[\x21-\x7e]+$/;

/** `connections.hubspot` in bridge.yaml. */
export const hubspotSettings = z.strictObject({
  access_token: secret()
    .refine((token) => ONE_LINE.test(token.reveal()), 'must be one word of printable ASCII, as HubSpot shows it')
    .describe(
      'A service key or the token of a private app, with the scopes crm.objects.contacts.read, crm.objects.contacts.write, crm.schemas.contacts.read, crm.schemas.contacts.write and crm.objects.owners.read.',
    ),
  base_url: z
    .url({ protocol: /^https?$/ })
    .refine(
      (url) => /^https?:\/\/[^/?#]+\/?$/.test(url),
      'must be an origin without a path, such as https://api.hubapi.com',
    )
    .transform((url) => url.replace(/\/$/, ''))
    .default('https://api.hubapi.com')
    .describe('Where the HubSpot API is, without a path.'),
  idempotency: z
    .enum(['unique_property', 'search'])
    .default('unique_property')
    .describe(
      'How a call or task is found again after a lost answer. unique_property: by a property of our own that HubSpot keeps unique, so that two workers create one record; if the property cannot be created, the bridge searches, and warns. search: by HubSpot’s search, which lags by seconds, so a quick retry may log twice.',
    ),
  create_properties: z
    .boolean()
    .default(true)
    .describe(
      'Whether the bridge may create its own properties: voipbin_action_key on calls and tasks, voipbin_phone on contacts.',
    ),
  api_version: z
    .union([z.literal('v3'), z.templateLiteral(['20', z.string().regex(/\d\d/), '-', z.string().regex(/\d\d/)])])
    .default('v3')
    .describe(
      'The version of HubSpot’s API. v3 (with v4 for associations) is supported until March 2027; a date, such as 2026-09, calls the addresses of that version, which also enforces the validation rules of your account on what is written.',
    ),
  requests_per_second: z
    .number()
    .min(0.1)
    .max(10_000)
    .optional()
    .describe(
      'How many requests a second this process may make, searches included. By default 9 at HubSpot’s own address, which allows a private app 100 in ten seconds (190 with a Professional or Enterprise subscription; several workers share that), and no limit at another `base_url`.',
    ),
  request_timeout: duration().default(durationMs('8s')).describe('How long one request may take.'),
  searches_per_second: z
    .number()
    .min(0.1)
    .max(10_000)
    .default(4)
    .describe(
      'How many searches a second this process may make. HubSpot allows 5 to the whole account, other integrations included.',
    ),
});

export type HubSpotSettings = z.output<typeof hubspotSettings>;
