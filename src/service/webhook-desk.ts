import { userInfo } from 'node:os';
import { ApiError } from '../admin/api';
import type { Connector } from '../connectors/connector';
import { VoipbinClient } from '../connectors/voipbin/client';
import { voipbin } from '../connectors/voipbin/connector';
import { STAND_IN_ACCESS_KEY } from '../connectors/voipbin/stand-in/access-key';
import { OperationFailed, WrongUse } from '../errors/operator-errors';
import type { InboxReader } from '../inbox/archive/reader';
import { ApiClient } from '../operations/api-client';
import { OperationsStore } from '../operations/store';
import type { OpenAccount, OpenWebhooks } from '../operations/webhook/account';
import type { WebhookChange, WebhookPlan, WebhookResult } from '../operations/webhook/change';
import { WebhookDesk, type RegisteredWebhooks, type WebhookDeskOptions } from '../operations/webhook/desk';
import type { WebhookStatus } from '../operations/webhook/status';
import type { ReceiverMetrics } from '../receiver/metrics';
import type { Settings } from '../settings/settings';
import { openDataFolder } from '../storage/private-folder';
import { readRules } from './rules-in-force';
import { openVoipbinClient } from './voipbin-client';

/** The desk of a running receiver. */
export function receiverDesk(options: {
  settings: Settings;
  rules: WebhookDeskOptions['rules'];
  metrics: Pick<ReceiverMetrics, 'totals'>;
  inbox: InboxReader;
  record: WebhookDeskOptions['record'];
  /** The API of VoIPBIN's stand-in; null when none runs, undefined while that is not known yet. */
  standIn: () => string | null | undefined;
}): WebhookDesk {
  const { settings, rules, metrics, inbox, record, standIn } = options;
  return new WebhookDesk({
    dataDir: settings.dataDir,
    receiver: settings.receiver,
    open: openWebhooks(settings, standIn),
    rules,
    received: () => {
      const { since, accepted, refused } = metrics.totals();
      return {
        since: since.toISOString(),
        last_event_at: inbox.newestAt()?.toISOString() ?? null,
        accepted,
        refused: { ...refused },
      };
    },
    hasEvent: (id) => inbox.has(id),
    record,
  });
}

/** What the command line does with webhooks: through the running bridge, or by itself where none runs. */
export interface WebhookCalls {
  registered(): Promise<RegisteredWebhooks>;
  status(): Promise<WebhookStatus>;
  plan(change: WebhookChange): Promise<WebhookPlan>;
  apply(change: WebhookChange, plan: string): Promise<WebhookResult>;
}

/**
 * Calls the running bridge, so that its rules and its statistics count. Where none runs, the same is done here, with the
 * rule files of this machine: the webhook can be connected before the first start.
 */
export async function webhookCalls(settings: Settings): Promise<WebhookCalls> {
  const api = new ApiClient(settings);
  if (await api.answers()) {
    return {
      registered: async () => (await api.get('/webhook')) as RegisteredWebhooks,
      status: async () => (await api.get('/webhook/status')) as WebhookStatus,
      plan: async (change) => (await api.post('/webhook/changes?dry_run=true', change)) as WebhookPlan,
      apply: async (change, plan) => (await api.post(`/webhook/changes?plan=${plan}`, change)) as WebhookResult,
    };
  }
  const desk = localDesk(settings);
  const who = userInfo().username;
  return {
    registered: () => explained(desk.registered()),
    status: () => explained(desk.status()),
    plan: (change) => explained(desk.plan(change)),
    apply: (change, plan) => explained(desk.apply(change, who, plan)),
  };
}

/** As {@link ApiClient} reports it. @throws WrongUse, OperationFailed. */
async function explained<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError) {
      throw error.status === 400 ? new WrongUse(error.message) : new OperationFailed(error.message);
    }
    throw error;
  }
}

function localDesk(settings: Settings): WebhookDesk {
  const loaded = readRules(settings.rulesFile);
  if (!loaded.ok) {
    throw new OperationFailed(
      'The rule files have errors, so it is not known which events they need: bridge rules check shows them',
    );
  }
  return new WebhookDesk({
    dataDir: settings.dataDir,
    receiver: settings.receiver,
    open: () => openAccount(settings),
    rules: () => loaded.ruleSet.rules,
    received: () => null,
    hasEvent: () => false,
    record: (who, operation, detail) => {
      openDataFolder(settings.dataDir);
      const store = new OperationsStore(settings.dataDir);
      try {
        store.recordOperation(who, operation, detail, null);
      } finally {
        store.close();
      }
    },
  });
}

/** The account in the settings, else the stand-in. The function throws an ApiError while the stand-in may yet start. */
function openWebhooks(settings: Settings, standIn: () => string | null | undefined): OpenWebhooks {
  return async () => {
    const client = await openVoipbinClient(settings);
    if (client !== null) {
      return accountOf(client);
    }
    const url = standIn();
    if (url === undefined) {
      throw new ApiError(503, 'starting', 'the bridge is still starting: try again in some seconds');
    }
    return url === null ? null : accountOf(await openStandIn(url));
  };
}

/** The account in the settings, where no bridge answers. @throws ApiError when they have none. */
async function openAccount(settings: Settings): Promise<OpenAccount> {
  const client = await openVoipbinClient(settings);
  if (client === null) {
    throw new ApiError(
      409,
      'no_access_key',
      'no running bridge answers, and there is no access key for VoIPBIN: set VOIPBIN_ACCESS_KEY. If you have just started the bridge, try again in some seconds',
    );
  }
  return accountOf(client);
}

function accountOf(client: VoipbinClient): OpenAccount {
  return { webhooks: client.webhooks, close: () => client.close() };
}

/** A client of VoIPBIN's stand-in. */
export async function openStandIn(url: string): Promise<VoipbinClient> {
  const connector: Connector = voipbin;
  const { settings } = connector.connection;
  const client = await connector.connection.open(settings.parse({ api_url: url, access_key: STAND_IN_ACCESS_KEY }));
  if (!(client instanceof VoipbinClient)) {
    throw new TypeError('the voipbin connector made a client of another class');
  }
  return client;
}
