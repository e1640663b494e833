import { createHash } from 'node:crypto';
import { ApiError } from '../../admin/api';
import type { CustomerRecord, Registration, WebhookApi, Webhooks } from '../../connectors/voipbin/webhooks';
import { subscriptionCovers, subscriptionNames, type SubscriptionNames } from '../../events/subscriptions';
import { shownUrl } from '../../net/url-host';
import type { Rule } from '../../rules/rule';
import type { WebhookChange, WebhookPlan } from './change';
import { neededTypes } from './needed-types';

const PATH = '/voipbin/webhook';

/** One change at VoIPBIN. */
export type Step =
  | { do: 'create'; webhook: { name: string; detail: string; uri: string; method: string }; names: SubscriptionNames }
  | { do: 'update'; id: string; changes: Partial<Omit<Registration, 'id' | 'status'>> }
  | { do: 'subscribe'; id: string; names: SubscriptionNames }
  | { do: 'delete'; id: string }
  | { do: 'set'; uri: string; method: string };

/** What a change comes down to. */
export interface PlannedChange {
  api: WebhookApi;
  steps: readonly { step: Step; text: string }[];
  notes: string[];
}

/** The account as it is. */
export interface AccountState {
  api: WebhookApi;
  /** Empty with the API `customer`. */
  registered: readonly Registration[];
  customer: CustomerRecord;
}

/** Reads the account. @throws ActionError. */
export async function readAccount(webhooks: Webhooks, signal: AbortSignal): Promise<AccountState> {
  const api = await webhooks.findApi(signal);
  const registered = api === 'subscriptions' ? await webhooks.list(signal) : [];
  return { api, registered, customer: await webhooks.customer(signal) };
}

/** Plans a change. Changes nothing. @throws ApiError for one that the account cannot have. */
export function planChange(
  change: Exclude<WebhookChange, { do: 'connect' }>,
  account: AccountState,
  rules: readonly Rule[],
): PlannedChange {
  const { api, registered } = account;
  const wanted = change.do === 'set' || change.do === 'clear' ? 'customer' : 'subscriptions';
  if (wanted !== api) {
    throw new ApiError(
      409,
      'other_webhook_api',
      api === 'customer'
        ? "this account has one webhook, in the customer's record: use bridge webhook show, set and clear, or connect"
        : 'this account can have several webhooks: use bridge webhook list, create, update and delete, or connect',
    );
  }
  switch (change.do) {
    case 'create': {
      const { uri, name, detail, method, event_types } = change;
      const names = event_types === undefined ? namesFor(rules) : { all: event_types, documented: [], dotted: [] };
      const text = `register ${shownUrl(uri)} (${method}) for ${names.all.join(', ')}`;
      return {
        api,
        steps: [{ step: { do: 'create', webhook: { name, detail, uri, method }, names }, text }],
        notes: registered.some((one) => one.uri === uri)
          ? ['This URL is registered already: every event would come twice. The bridge handles it once.']
          : [],
      };
    }
    case 'update': {
      const { id, do: _, ...changes } = change;
      const given = withoutUndefined(changes);
      const known = find(registered, id);
      return {
        api,
        steps: [{ step: { do: 'update', id, changes: given }, text: describeUpdate(known, given) }],
        notes: [],
      };
    }
    case 'delete': {
      const { uri } = find(registered, change.id);
      return {
        api,
        steps: [
          {
            step: { do: 'delete', id: change.id },
            text: `delete the webhook ${change.id}: no more events to ${shownUrl(uri)}`,
          },
        ],
        notes: [],
      };
    }
    case 'set':
      return { api, ...planSet(change, account) };
    case 'clear':
      return {
        api,
        steps:
          account.customer.uri === ''
            ? []
            : [
                {
                  step: { do: 'set', uri: '', method: account.customer.method },
                  text: `clear the webhook of the account: no more events to ${shownUrl(account.customer.uri)}`,
                },
              ],
        notes: [],
      };
  }
}

/** Plans what brings the events that the rules in force need to a URL. @throws ApiError without rules. */
export function planConnect(uri: string, account: AccountState, rules: readonly Rule[]): PlannedChange {
  const { api, registered } = account;
  const notes =
    new URL(uri).pathname.replace(/\/$/, '') === PATH
      ? []
      : [`The bridge takes events at ${PATH}: a proxy must lead this URL there.`];
  if (uri.startsWith('http:')) {
    notes.push('Without https, everybody on the way reads numbers and texts.');
  }
  if (api === 'customer') {
    const planned = planSet({ uri, method: 'POST' }, account);
    return {
      api,
      steps: planned.steps,
      notes: [
        ...notes,
        'VoIPBIN sends every event of the account here; the bridge keeps those without a rule, and does nothing else.',
      ],
    };
  }
  const names = namesFor(rules);
  const [same, ...more] = registered.filter((one) => one.uri === uri);
  notes.push(
    ...more.map(({ id }) => `The URL is registered once more: bridge webhook delete ${id}`),
    ...registered
      .filter((one) => one.uri !== uri)
      .map((one) => `Another webhook, ${one.id}, leads to ${shownUrl(one.uri)}; it stays.`),
  );
  if (same === undefined) {
    const webhook = {
      name: 'VoIPBIN bridge',
      detail: 'Events that the rules of the bridge need.',
      uri,
      method: 'POST',
    };
    return {
      api,
      steps: [
        {
          step: { do: 'create', webhook, names },
          text: `register ${shownUrl(uri)} (POST) for ${names.all.join(', ')}`,
        },
      ],
      notes,
    };
  }
  const steps: { step: Step; text: string }[] = [];
  if (same.method !== 'POST' && same.method !== 'PUT') {
    steps.push({
      step: { do: 'update', id: same.id, changes: { method: 'POST' } },
      text: describeUpdate(same, { method: 'POST' }),
    });
  }
  if (!isSubscribed(same, rules, names)) {
    const added = names.all.filter((name) => !same.event_types.includes(name));
    const removed = same.event_types.filter((name) => !names.all.includes(name));
    const text = [
      ...(added.length === 0 ? [] : [`add ${added.join(', ')}`]),
      ...(removed.length === 0 ? [] : [`remove ${removed.join(', ')}`]),
    ].join('; ');
    steps.push({
      step: { do: 'subscribe', id: same.id, names },
      text: `change the event types of the webhook ${same.id}: ${text}`,
    });
  }
  return { api, steps, notes };
}

/** Whether a webhook gets all that the rules need, and nothing else. */
function isSubscribed({ event_types }: Registration, rules: readonly Rule[], names: SubscriptionNames): boolean {
  return (
    event_types.every((name) => names.all.includes(name)) &&
    [...neededTypes(rules).keys()].every((type) => event_types.some((name) => subscriptionCovers(name, type)))
  );
}

function planSet(
  { uri, method }: { uri: string; method: string },
  { customer }: AccountState,
): Pick<PlannedChange, 'steps' | 'notes'> {
  if (customer.uri === uri && customer.method === method) {
    return { steps: [], notes: [] };
  }
  const from = customer.uri === '' || customer.uri === uri ? '' : `, in place of ${shownUrl(customer.uri)}`;
  return {
    steps: [
      {
        step: { do: 'set', uri, method },
        text: `set the webhook of the account to ${shownUrl(uri)} (${method})${from}`,
      },
    ],
    notes: [],
  };
}

/** The names to subscribe to. @throws ApiError when no rule needs an event. */
function namesFor(rules: readonly Rule[]): SubscriptionNames {
  const names = subscriptionNames(new Set(neededTypes(rules).keys()));
  if (names.all.length === 0) {
    throw new ApiError(
      409,
      'no_rules',
      'no rule is in force, so no event is needed: write rules first, or name event types',
    );
  }
  return names;
}

function find(registered: readonly Registration[], id: string): Registration {
  const found = registered.find((one) => one.id === id);
  if (found === undefined) {
    throw new ApiError(404, 'unknown_webhook', `there is no webhook ${id}; bridge webhook list shows them`);
  }
  return found;
}

function describeUpdate({ id }: Registration, { uri, ...rest }: Extract<Step, { do: 'update' }>['changes']): string {
  const parts = Object.entries({ ...rest, ...(uri === undefined ? {} : { uri: shownUrl(uri) }) }).map(
    ([name, value]) => `${name} to ${Array.isArray(value) ? value.join(', ') : value}`,
  );
  if (parts.length === 0) {
    throw new ApiError(400, 'wrong_request', 'say what to change: --uri, --name, --detail, --method or --event-types');
  }
  return `change the webhook ${id}: ${parts.join('; ')}`;
}

function withoutUndefined(
  changes: {
    [Name in 'name' | 'detail' | 'uri' | 'method']?: string | undefined;
  } & { event_types?: string[] | undefined },
): Extract<Step, { do: 'update' }>['changes'] {
  const { name, detail, uri, method, event_types } = changes;
  return {
    ...(name === undefined ? {} : { name }),
    ...(detail === undefined ? {} : { detail }),
    ...(uri === undefined ? {} : { uri }),
    ...(method === undefined ? {} : { method }),
    ...(event_types === undefined ? {} : { event_types }),
  };
}

/** The plan as people and programs see it. */
export function asPlan({ api, steps, notes }: PlannedChange, more: { steps: string[]; notes: string[] }): WebhookPlan {
  const digest = createHash('sha256')
    .update(JSON.stringify([api, steps.map(({ step }) => step), more.steps]))
    .digest('hex')
    .slice(0, 12);
  return {
    plan: digest,
    api,
    steps: [...more.steps, ...steps.map(({ text }) => text)],
    notes: [...notes, ...more.notes],
  };
}
