import * as associations from '@hubspot/api-client/lib/codegen/crm/associations/v4/index';
import * as objects from '@hubspot/api-client/lib/codegen/crm/objects/index';
import * as owners from '@hubspot/api-client/lib/codegen/crm/owners/index';
import * as properties from '@hubspot/api-client/lib/codegen/crm/properties/index';
import type { Dispatcher } from 'undici';
import type { AccountLimits } from './account-limits';
import { exchange, type SdkAnswer, type SdkRequest } from './exchange';
import type { HubSpotSettings } from './settings';

/** The generated APIs of @hubspot/api-client that the bridge calls, all on our own {@link exchange}. */
export interface HubSpotApis {
  records: objects.BasicApi;
  batches: objects.BatchApi;
  search: objects.SearchApi;
  associations: associations.BasicApi;
  associationBatches: associations.BatchApi;
  properties: properties.CoreApi;
  owners: owners.OwnersApi;
  /** The SDK's enums that requests name. Here, so that the session does not import the SDK. */
  enums: {
    hubspotDefined: objects.AssociationSpecAssociationCategoryEnum.HubspotDefined;
    stringType: properties.PropertyCreateTypeEnum.String;
    textField: properties.PropertyCreateFieldTypeEnum.Text;
    operators: typeof OPERATORS;
  };
}

const OPERATORS = {
  EQ: objects.FilterOperatorEnum.Eq,
  IN: objects.FilterOperatorEnum.In,
  CONTAINS_TOKEN: objects.FilterOperatorEnum.ContainsToken,
} as const;

/** What all attempts share. */
export interface ApiConnection {
  readonly settings: HubSpotSettings;
  readonly agent: Dispatcher;
  readonly limits: Pick<AccountLimits, 'read' | 'obey'>;
}

/** Makes the APIs for one attempt, or for one batch. */
export type OpenApis = typeof openApis;

/**
 * The SDK's classes bound to one signal. Only the modules needed are imported, and not the SDK's `Client`, whose retry
 * and limiter decorators are shared by the whole process (reference connectors.md 1.4). Cheap: no sockets, no state.
 *
 * @param admit waits before each request for a slot of the rate limit.
 */
export function openApis(
  { settings, agent, limits }: ApiConnection,
  signal: AbortSignal,
  admit: () => Promise<void>,
): HubSpotApis {
  const send = async (request: SdkRequest): Promise<SdkAnswer> => {
    await admit();
    try {
      return await exchange(request, {
        signal,
        timeoutMs: settings.request_timeout,
        dispatcher: agent,
        paths: settings.api_version === 'v3' ? 'client' : settings.api_version,
        onHeaders: (headers) => limits.read(headers),
      });
    } catch (error) {
      limits.obey(error);
      throw error;
    }
  };
  const authMethods = { oauth2: { accessToken: settings.access_token.reveal() } };
  // Every module of the SDK has its own copy of these classes, which TypeScript rightly keeps apart.
  const forObjects = objects.createConfiguration({
    baseServer: new objects.ServerConfiguration(settings.base_url, {}),
    httpApi: objects.wrapHttpLibrary({ send: async (request) => answer(objects.ResponseContext, await send(request)) }),
    authMethods,
  });
  const forAssociations = associations.createConfiguration({
    baseServer: new associations.ServerConfiguration(settings.base_url, {}),
    httpApi: associations.wrapHttpLibrary({
      send: async (request) => answer(associations.ResponseContext, await send(request)),
    }),
    authMethods,
  });
  const forProperties = properties.createConfiguration({
    baseServer: new properties.ServerConfiguration(settings.base_url, {}),
    httpApi: properties.wrapHttpLibrary({
      send: async (request) => answer(properties.ResponseContext, await send(request)),
    }),
    authMethods,
  });
  const forOwners = owners.createConfiguration({
    baseServer: new owners.ServerConfiguration(settings.base_url, {}),
    httpApi: owners.wrapHttpLibrary({ send: async (request) => answer(owners.ResponseContext, await send(request)) }),
    authMethods,
  });
  return {
    records: new objects.BasicApi(forObjects),
    batches: new objects.BatchApi(forObjects),
    search: new objects.SearchApi(forObjects),
    associations: new associations.BasicApi(forAssociations),
    associationBatches: new associations.BatchApi(forAssociations),
    properties: new properties.CoreApi(forProperties),
    owners: new owners.OwnersApi(forOwners),
    enums: {
      hubspotDefined: objects.AssociationSpecAssociationCategoryEnum.HubspotDefined,
      stringType: properties.PropertyCreateTypeEnum.String,
      textField: properties.PropertyCreateFieldTypeEnum.Text,
      operators: OPERATORS,
    },
  };
}

interface SdkBody {
  text(): Promise<string>;
  binary(): Promise<Buffer>;
}

function answer<Context>(
  Context: new (status: number, headers: Record<string, string>, body: SdkBody) => Context,
  from: SdkAnswer,
): Context {
  return new Context(from.status, from.headers, {
    text: () => Promise.resolve(from.text),
    binary: () => Promise.resolve(Buffer.from(from.text)),
  });
}
