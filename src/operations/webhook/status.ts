import type { Registration, WebhookApi } from '../../connectors/voipbin/webhooks';
import { subscriptionCovers } from '../../events/subscriptions';
import { shownUrl } from '../../net/url-host';
import type { Rule } from '../../rules/rule';
import type { ReceiverSettings } from '../../settings/settings';
import { neededTypes } from './needed-types';
import type { AccountState } from './plan-change';
import { howToUse, isWritten, secretFile, secretState, type SecretState } from './secret-file';

const PATH = '/voipbin/webhook';

/** What the receiver of this machine got since it started. */
export interface Received {
  since: string;
  /** When the newest event came, before the start included; null for never. */
  last_event_at: string | null;
  accepted: number;
  /** Refused requests, by reason. */
  refused: Record<string, number>;
}

/** The registration, the rules and the receiver, compared. The names are the JSON keys of `bridge webhook status`. */
export interface WebhookStatus {
  api: WebhookApi;
  /** What leads to this bridge, as far as it is known: `public_url`, or a URL with the bridge's path. */
  registered: { id: string | null; url: string; method: string; event_types: string[] | null; status: string | null }[];
  public_url: string | null;
  /** Whether the bridge has the account's secret. */
  secret: SecretState;
  /** Null when no bridge runs with this data folder. */
  received: Received | null;
  /** What is wrong, for people; empty when nothing is. */
  problems: string[];
}

type Registered = WebhookStatus['registered'][number];

/** Compares what is registered with what the rules in force need, and with what was received. */
export function statusOf(known: {
  account: AccountState;
  rules: readonly Rule[];
  receiver: Pick<ReceiverSettings, 'webhookSecrets' | 'webhookSecretSource' | 'publicUrl'>;
  dataDir: string;
  received: Received | null;
}): WebhookStatus {
  const { account, rules, receiver, dataDir, received } = known;
  const all: Registered[] =
    account.api === 'subscriptions'
      ? account.registered.map(asRegistered)
      : account.customer.uri === ''
        ? []
        : [{ id: null, url: account.customer.uri, method: account.customer.method, event_types: null, status: null }];
  const ours = all.filter(({ url }) => isOurs(url, receiver.publicUrl));
  const secret = secretState(account.customer.secret, receiver);
  return {
    api: account.api,
    registered: ours.map((one) => ({ ...one, url: shownUrl(one.url) })),
    public_url: receiver.publicUrl === null ? null : shownUrl(receiver.publicUrl),
    secret,
    received,
    problems: [
      ...registrationProblems(all, ours, receiver.publicUrl),
      ...missingTypes(ours, rules),
      ...secretProblems(secret, secretRemedy(account, dataDir, receiver)),
      ...receivedProblems(received),
    ],
  };
}

function asRegistered({ id, uri, method, event_types, status }: Registration): Registered {
  return { id, url: uri, method, event_types, status };
}

function isOurs(url: string, publicUrl: string | null): boolean {
  if (publicUrl !== null) {
    return url.replace(/\/$/, '') === publicUrl.replace(/\/$/, '');
  }
  return URL.canParse(url) && new URL(url).pathname.replace(/\/$/, '').endsWith(PATH);
}

function registrationProblems(
  all: readonly Registered[],
  ours: readonly Registered[],
  publicUrl: string | null,
): string[] {
  if (ours.length === 0) {
    const elsewhere = all.map(({ url }) => shownUrl(url)).join(', ');
    const found = all.length === 0 ? 'no webhook is registered' : `the account's webhook leads elsewhere: ${elsewhere}`;
    return [
      `${found}: no event comes. Register it with bridge webhook connect ${publicUrl === null ? 'URL' : shownUrl(publicUrl)}`,
    ];
  }
  return ours.flatMap(({ id, method, status }) => [
    ...(status === null || status === 'active' ? [] : [`the webhook ${id ?? ''} is ${status}, not active`]),
    ...(method === 'POST' || method === 'PUT'
      ? []
      : [`events come by ${method === '' ? 'an unknown method' : method}: connect again to have them by POST`]),
  ]);
}

/** Which rules listen to types that no webhook of ours is subscribed to. */
function missingTypes(ours: readonly Registered[], rules: readonly Rule[]): string[] {
  if (ours.length === 0 || ours.some(({ event_types }) => event_types === null)) {
    return [];
  }
  const names = ours.flatMap(({ event_types }) => event_types ?? []);
  return [...neededTypes(rules)].flatMap(([type, by]) =>
    names.some((name) => subscriptionCovers(name, type))
      ? []
      : by.map(
          (rule) =>
            `${rule.startsWith('(') ? 'the bridge' : `rule ${rule}`} listens to ${type}, which is not subscribed: bridge webhook connect`,
        ),
  );
}

/** What gives the bridge the account's secret: to fetch it, or only to use the file that has it. */
function secretRemedy(
  { customer }: AccountState,
  dataDir: string,
  receiver: Pick<ReceiverSettings, 'webhookSecretSource'>,
): string {
  const path = secretFile(dataDir, receiver);
  return customer.secret !== null && isWritten(path, customer.secret)
    ? `${path} has the secret. ${howToUse(path, receiver)}`
    : 'bridge webhook connect';
}

function secretProblems(secret: SecretState, remedy: string): string[] {
  switch (secret) {
    case 'other':
      return [`the bridge does not use the account's webhook secret, and refuses its events: ${remedy}`];
    case 'not_held':
      return [`the bridge has no webhook secret, and takes events from everyone who reaches it: ${remedy}`];
    case 'held':
    case 'none':
      return [];
  }
}

function receivedProblems(received: Received | null): string[] {
  if (received === null) {
    return ['no bridge runs with this data folder'];
  }
  const refused = received.refused['signature'] ?? 0;
  return refused === 0
    ? []
    : [
        `${refused} ${refused === 1 ? 'request was' : 'requests were'} refused for the signature since the bridge started`,
      ];
}
