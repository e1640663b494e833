import { ApiError } from '../../admin/api';
import { ActionError } from '../../connectors/action-error';
import type { CustomerRecord, Registration, WebhookApi, Webhooks } from '../../connectors/voipbin/webhooks';
import { shownUrl } from '../../net/url-host';
import type { Rule } from '../../rules/rule';
import type { ReceiverSettings } from '../../settings/settings';
import { subscribe, withAccount, type OpenWebhooks } from './account';
import { webhookChange, type WebhookChange, type WebhookPlan, type WebhookResult } from './change';
import { asPlan, planChange, planConnect, readAccount, type PlannedChange, type Step } from './plan-change';
import { howToUse, secretFile, secretState, writeSecret } from './secret-file';
import { statusOf, type Received, type WebhookStatus } from './status';
import { isListenedTo } from './needed-types';
import { sendTestEvent, TEST_TYPE, whyNotCalled, type TestOutcome } from './test-event';

const UNCHECKED =
  'Not checked: that VoIPBIN itself reaches the URL. bridge webhook status shows when its first event comes.';

/** What {@link WebhookDesk} needs. */
export interface WebhookDeskOptions {
  dataDir: string;
  receiver: Pick<ReceiverSettings, 'webhookSecrets' | 'webhookSecretSource' | 'publicUrl'>;
  open: OpenWebhooks;
  /** The rules in force, rules that are off included. */
  rules: () => readonly Rule[];
  /** What the receiver of this machine got; null when none runs. */
  received: () => Received | null;
  /** Whether an event is in the inbox of this machine. */
  hasEvent: (id: string) => boolean;
  /** Adds an entry to the audit log. */
  record: (who: string, operation: string, detail: object) => void;
}

/** The webhooks of the account as they are. The names are the JSON keys of `bridge webhook list` and `show`. */
export interface RegisteredWebhooks {
  api: WebhookApi;
  webhooks: Registration[];
  /** The address in the customer's record; null with the API `subscriptions`. */
  customer: { uri: string; method: string } | null;
}

/**
 * What an operator can do to the webhooks of the account: see them, plan a change, make it.
 *
 * Guarantees: a plan changes nothing; a change that is named by its plan is made only while it would still do the same;
 * the account's secret is shown nowhere and written into one file, which only its owner can read. Not guaranteed: that
 * VoIPBIN made a change whose answer was lost; a second call finds out.
 */
export class WebhookDesk {
  constructor(private readonly options: WebhookDeskOptions) {}

  /** @throws ApiError. */
  registered(): Promise<RegisteredWebhooks> {
    return withAccount(this.options.open, async (webhooks, signal) => {
      const { api, registered, customer } = await readAccount(webhooks, signal);
      return {
        api,
        webhooks: [...registered],
        customer: api === 'customer' ? { uri: customer.uri, method: customer.method } : null,
      };
    });
  }

  /** Compares the registration, the rules in force, and what was received. @throws ApiError. */
  status(): Promise<WebhookStatus> {
    const { open, dataDir, rules, receiver, received } = this.options;
    return withAccount(open, async (webhooks, signal) =>
      statusOf({
        account: await readAccount(webhooks, signal),
        rules: rules(),
        receiver,
        dataDir,
        received: received(),
      }),
    );
  }

  /** What a change would do. @throws ApiError for a wrong request, and for what VoIPBIN refuses. */
  plan(input: unknown): Promise<WebhookPlan> {
    const change = parsed(input);
    return withAccount(
      this.options.open,
      async (webhooks, signal) => (await this.#plan(change, webhooks, signal)).plan,
    );
  }

  /**
   * Makes a change.
   * @param confirmed the plan that was shown; absent: whatever the plan is now.
   * @throws ApiError as {@link plan}, and when the plan is another one by now.
   */
  apply(input: unknown, who: string, confirmed?: string): Promise<WebhookResult> {
    const change = parsed(input);
    return withAccount(this.options.open, async (webhooks, signal) => {
      const planned = await this.#plan(change, webhooks, signal);
      if (confirmed !== undefined && confirmed !== planned.plan.plan) {
        throw new ApiError(409, 'plan_changed', 'the account or the rules changed since the plan: look at the new one');
      }
      const result: WebhookResult = { ...planned.plan, ok: true, done: [], problems: [] };
      if (change.do === 'connect' && !(await this.#prepare(change, planned, result, who))) {
        return { ...result, ok: false };
      }
      for (const { step, text } of planned.planned.steps) {
        const record = (outcome: object): void =>
          this.options.record(who, `webhook.${change.do}`, { ...auditOf(step), ...outcome });
        const problem = await perform(step, webhooks, signal).catch((error: unknown) => {
          // It may have been made: an answer can be lost.
          record({ failed: error instanceof ActionError ? error.detail.code : 'unknown' });
          throw error;
        });
        record({});
        if (problem === null) {
          result.done.push(text);
        } else {
          result.problems.push(problem);
        }
      }
      return { ...result, ok: result.problems.length === 0 };
    });
  }

  async #plan(change: WebhookChange, webhooks: Webhooks, signal: AbortSignal): Promise<Planned> {
    const account = await readAccount(webhooks, signal);
    const { isLocal } = webhooks;
    const rules = this.options.rules();
    if (change.do !== 'connect') {
      const planned = planChange(change, account, rules);
      return {
        planned,
        plan: asPlan(planned, { steps: [], notes: [] }),
        customer: account.customer,
        uri: null,
        isLocal,
      };
    }
    const uri = change.uri ?? this.options.receiver.publicUrl;
    if (uri === null) {
      throw new ApiError(
        400,
        'no_url',
        'say which URL VoIPBIN is to call: bridge webhook connect https://bridge.example.com/voipbin/webhook, or set BRIDGE_PUBLIC_URL',
      );
    }
    const planned = planConnect(uri, account, rules);
    const { dataDir, receiver } = this.options;
    const state = secretState(account.customer.secret, receiver);
    const path = secretFile(dataDir, receiver);
    const isWritten = state === 'other' || state === 'not_held';
    const more = {
      steps: isWritten ? [`write the account's webhook secret into ${path} (nobody else can read it)`] : [],
      notes:
        state === 'none'
          ? [
              'VoIPBIN shows no webhook secret, so the bridge cannot distinguish its events from others: set receiver.ip_allow.',
            ]
          : [],
    };
    return { planned, plan: asPlan(planned, more), customer: account.customer, uri, isLocal };
  }

  /** Fetches the secret and tries the URL. @returns whether the URL may be registered. */
  async #prepare(
    { force }: Extract<WebhookChange, { do: 'connect' }>,
    planned: Planned,
    result: WebhookResult,
    who: string,
  ): Promise<boolean> {
    const { customer, uri } = planned;
    const { dataDir, receiver, record } = this.options;
    const state = secretState(customer.secret, receiver);
    if (customer.secret !== null && (state === 'other' || state === 'not_held')) {
      const path = secretFile(dataDir, receiver);
      try {
        writeSecret(path, customer.secret);
        record(who, 'webhook.secret', { file: path });
        result.done.push(`wrote the account's webhook secret into ${path}`);
        result.notes.push(howToUse(path, receiver));
      } catch (error) {
        result.problems.push(
          `the secret could not be written into ${path} (${error instanceof Error && 'code' in error ? String(error.code) : 'failed'}): see that the bridge may write there, or name another file in bridge.yaml`,
        );
      }
    }
    const problem = uri === null ? null : await this.#tryUrl(uri, planned, result);
    if (problem === null) {
      result.notes.push(UNCHECKED);
      return true;
    }
    if (force) {
      result.notes.push(`Registered all the same: ${problem}.`);
      return true;
    }
    result.problems.push(`${problem}. Nothing was changed at VoIPBIN; --force registers the URL all the same`);
    return false;
  }

  /** @returns why events would not reach the bridge. */
  async #tryUrl(uri: string, { customer, isLocal }: Planned, result: WebhookResult): Promise<string | null> {
    const { rules, receiver, received, hasEvent } = this.options;
    const hidden = isLocal ? null : await whyNotCalled(uri);
    if (hidden !== null) {
      return hidden;
    }
    if (isListenedTo(TEST_TYPE, rules())) {
      result.notes.push(
        'Not checked: that the URL leads to the bridge. A rule listens to every type, so it would act on a test event.',
      );
      return null;
    }
    const outcome: TestOutcome = await sendTestEvent(uri, customer.secret);
    if (outcome.reached === false) {
      return outcome.why;
    }
    if (outcome.reached === null) {
      result.notes.push(`Not checked: that events get through. ${outcome.why}.`);
      return null;
    }
    if (received() === null) {
      result.notes.push(
        'A bridge answered at the URL. Whether it is the one of this data folder is not known: none runs here.',
      );
    } else if (!hasEvent(outcome.eventId)) {
      return 'another bridge than this one answered at the URL';
    }
    const isChecked = receiver.webhookSecrets.length > 0 && customer.secret !== null;
    result.done.push(`sent a ${isChecked ? 'signed ' : ''}test event to ${shownUrl(uri)}: it came in`);
    if (!isChecked) {
      result.notes.push(
        'Not checked: the signature. The bridge runs without a webhook secret, and takes events from everyone who reaches it.',
      );
    }
    return null;
  }
}

interface Planned {
  planned: PlannedChange;
  plan: WebhookPlan;
  customer: CustomerRecord;
  /** Of `connect`. */
  uri: string | null;
  isLocal: boolean;
}

/** @returns what is not as it was to be. @throws ActionError. */
async function perform(step: Step, webhooks: Webhooks, signal: AbortSignal): Promise<string | null> {
  switch (step.do) {
    case 'create':
      await subscribe(webhooks, { create: step.webhook }, step.names, signal);
      return null;
    case 'subscribe':
      await subscribe(webhooks, { id: step.id }, step.names, signal);
      return null;
    case 'update':
      await webhooks.update(step.id, step.changes, signal);
      return null;
    case 'delete':
      await webhooks.delete(step.id, signal);
      return null;
    case 'set': {
      const { isSet, alsoChanged } = await webhooks.setCustomerWebhook(step, signal);
      if (alsoChanged.length > 0) {
        return `more of the customer's record is different than the webhook: ${alsoChanged.join(', ')}. Correct it in VoIPBIN's console`;
      }
      return isSet ? null : 'VoIPBIN took the webhook, and has another one now: somebody else may have changed it';
    }
  }
}

function auditOf(step: Step): object {
  switch (step.do) {
    case 'create':
      return { url: shownUrl(step.webhook.uri), event_types: step.names.all.length };
    case 'subscribe':
      return { id: step.id, event_types: step.names.all.length };
    case 'update':
      return { id: step.id, changed: Object.keys(step.changes) };
    case 'delete':
      return { id: step.id };
    case 'set':
      return { url: shownUrl(step.uri) };
  }
}

/** @throws ApiError that names every wrong member. */
function parsed(input: unknown): WebhookChange {
  const result = webhookChange.safeParse(input);
  if (!result.success) {
    const what = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
    throw new ApiError(400, 'wrong_request', what);
  }
  return result.data;
}
