import { randomUUID } from 'node:crypto';
import { fastify, type FastifyInstance, type FastifyRequest } from 'fastify';
import type { JsonObject } from '../../../events/json';
import type { RunningStandIn } from '../../connector';
import { STAND_IN_ACCESS_KEY } from './access-key';
import { RequestedFailures, type NextFailure } from './failures';
import { addTo, keep, pageOf, StandInClock, withDistinctTimes, type Listed } from './lists';
import { serveMessages, takenTexts, type MessagesState, type SentText, type StandInAccount } from './messages';
import { StandInRecordings, type NewRecording } from './recordings';
import { refuse } from './refuse';
import { StandInWebhooks, type WebhookDelivery, type WebhookOptions } from './webhooks';

const CUSTOMER_ID = '7c4d2f3a-1b8e-4f5c-9a6d-3e2f1a0b4c5d';
/** Number of the page's samples that is ours there (webhook-spec.txt "Testing with curl"). */
const SAMPLE_NUMBERS = ['+15559876543'];
const UNKNOWN_RECORDING_STORED_AFTER_MS = 1_000;

/** A request that the stand-in got. */
export interface SeenRequest {
  method: string;
  path: string;
  query: string;
  /** Where it carried the access key. */
  credential: 'cookie' | 'query' | 'none';
}

/** How to start the stand-in. */
export interface VoipbinStandInOptions extends WebhookOptions {
  port?: number;
  /** The account's own numbers. */
  numbers?: string[];
  /**
   * Whether a recording that nobody added exists, and is stored a second after it was first asked for; default true, so
   * that the documented samples work.
   */
  unknownRecordingsExist?: boolean;
}

/**
 * VoIPBIN on loopback: the parts of its API that the bridge uses, with the shapes, the authentication, the error
 * envelope and the traps of the real one (reference voipbin.md 5). State is in memory and bounded. It sends webhooks
 * when {@link VoipbinStandIn.emit} says so, and no texts.
 */
export interface VoipbinStandIn extends RunningStandIn {
  /** `http://127.0.0.1:<port>/v1.0` */
  url: string;
  /** Every text that was sent, oldest first. */
  sent: readonly SentText[];
  /** The latest requests, oldest first. */
  requests: readonly SeenRequest[];
  /** Lets the next requests to a path fail. */
  failNext(failure: NextFailure): void;
  /** Changes the account. A text that it may not send is answered with a bare 500, as VoIPBIN does. */
  setAccount(account: Partial<StandInAccount>): void;
  /** Sets VoIPBIN's clock ahead of ours (or behind, if negative): its `Date` header and the times it stamps. */
  setClockAhead(byMs: number): void;
  /** Adds a message to the list, as if it had been received or sent. Missing fields get invented values. */
  addMessage(message: JsonObject): void;
  addCall(call: JsonObject): void;
  /** Adds an agent. Its `id` is that of the events. */
  addAgent(agent: JsonObject): void;
  addTranscribe(transcribe: JsonObject): void;
  addRecording(recording: NewRecording): void;
  /** Stores the files of a recording now. */
  store(recordingId: string, legs?: 1 | 2): void;
  /** The stored WAVs of a recording. */
  wavs(recordingId: string): { name: string; content: Buffer }[];
  /** The customer's record, without its secret. */
  customer: Readonly<Record<string, string>>;
  /** Sends an event to the webhooks that are registered for it. Resolves when every delivery has ended. */
  emit(event: JsonObject): Promise<WebhookDelivery[]>;
  /** The latest deliveries, oldest first. */
  deliveries: readonly WebhookDelivery[];
}

interface State extends MessagesState {
  calls: Listed[];
  agents: Listed[];
  transcribes: Listed[];
  recordings: StandInRecordings;
  requests: SeenRequest[];
  failures: RequestedFailures;
  numbers: string[];
  unknownRecordingsExist: boolean;
  webhooks: StandInWebhooks;
}

/** Starts the stand-in on loopback. */
export async function startVoipbinStandIn(options: VoipbinStandInOptions = {}): Promise<VoipbinStandIn> {
  const state: State = {
    customerId: CUSTOMER_ID,
    messages: [],
    calls: [],
    agents: [],
    transcribes: [],
    recordings: new StandInRecordings(CUSTOMER_ID),
    sent: [],
    requests: [],
    failures: new RequestedFailures(),
    numbers: options.numbers ?? SAMPLE_NUMBERS,
    unknownRecordingsExist: options.unknownRecordingsExist ?? true,
    account: { identity: 'verified', credit: 10_000_000 },
    clock: new StandInClock(),
    webhooks: new StandInWebhooks(CUSTOMER_ID, options),
  };
  const server = fastify({ forceCloseConnections: true });
  serve(server, state);
  await server.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  const origin = server.listeningOrigin;
  return {
    url: `${origin}/v1.0`,
    settings: { api_url: `${origin}/v1.0`, access_key: STAND_IN_ACCESS_KEY },
    sent: state.sent,
    taken: () => takenTexts(state),
    requests: state.requests,
    failNext: (failure) => state.failures.add(failure),
    setAccount: (account) => Object.assign(state.account, account),
    setClockAhead: (byMs) => (state.clock.aheadMs = byMs),
    addMessage: (message) => addTo(state.messages, { customer_id: CUSTOMER_ID, ...message }, state.clock),
    addCall: (call) => addTo(state.calls, { customer_id: CUSTOMER_ID, ...call }, state.clock),
    addAgent: (agent) => addTo(state.agents, { customer_id: CUSTOMER_ID, ...agent }, state.clock),
    addTranscribe: (transcribe) => addTo(state.transcribes, { customer_id: CUSTOMER_ID, ...transcribe }, state.clock),
    addRecording: (recording) => state.recordings.add(recording),
    store: (id, legs) => state.recordings.store(id, legs),
    wavs: (id) => state.recordings.wavs(id),
    customer: state.webhooks.customer,
    emit: (event) => state.webhooks.emit(event),
    deliveries: state.webhooks.deliveries,
    stop: async () => {
      state.webhooks.stop();
      await server.close();
    },
  };
}

function serve(server: FastifyInstance, state: State): void {
  server.addHook('onRequest', async (request) => record(state, request));
  server.addHook('onSend', async (_request, reply) => void reply.header('date', state.clock.now().toUTCString()));
  state.failures.hookInto(server);
  server.setErrorHandler((_error, _request, reply) => refuse(reply, 400, 'INVALID_ARGUMENT', 'INVALID_REQUEST'));
  server.setNotFoundHandler((_request, reply) => refuse(reply, 404, 'NOT_FOUND', 'ROUTE_NOT_FOUND'));
  serveStorage(server, state);
  server.register(
    async (api) => {
      api.addHook('preHandler', async (request, reply) => {
        if (!isAuthorised(request)) {
          await refuse(reply, 401, 'UNAUTHENTICATED', 'AUTHENTICATION_REQUIRED');
        }
      });
      serveMessages(api, state);
      serveRecordings(api, state);
      serveAccount(api, state);
    },
    { prefix: '/v1.0' },
  );
}

function serveRecordings(api: FastifyInstance, state: State): void {
  const known = (id: string): boolean => {
    if (!state.recordings.has(id) && state.unknownRecordingsExist) {
      state.recordings.add({ id, storedAfterMs: UNKNOWN_RECORDING_STORED_AFTER_MS });
    }
    return state.recordings.has(id);
  };
  api.get('/recordings', (request) => pageOf(withDistinctTimes(state.recordings.list()), request.query));
  api.get<{ Params: { id: string } }>('/recordings/:id', async ({ params }, reply) =>
    known(params.id)
      ? state.recordings.describe(params.id)?.item
      : refuse(reply, 404, 'NOT_FOUND', 'RECORDING_NOT_FOUND'),
  );
  api.get<{ Params: { id: string } }>('/recordingfiles/:id', async ({ params }, reply) => {
    if (!known(params.id)) {
      return refuse(reply, 404, 'NOT_FOUND', 'RECORDING_NOT_FOUND');
    }
    const location = state.recordings.sign(api.listeningOrigin, `${params.id}.zip`);
    return reply.code(307).header('location', location).type('text/html').send();
  });
  api.get('/storage_files', (request) =>
    pageOf(withDistinctTimes(state.recordings.files(api.listeningOrigin)), request.query),
  );
}

function serveAccount(api: FastifyInstance, state: State): void {
  api.get('/calls', (request) => pageOf(state.calls, request.query));
  api.get<{ Params: { id: string } }>('/calls/:id', async ({ params }, reply) => {
    const found = state.calls.find(({ item }) => item['id'] === params.id);
    return found?.item ?? refuse(reply, 404, 'NOT_FOUND', 'CALL_NOT_FOUND');
  });
  api.get('/agents', (request) => pageOf(state.agents, request.query));
  for (const [name, listed, code] of [
    ['agents', state.agents, 'AGENT_NOT_FOUND'],
    ['transcribes', state.transcribes, 'TRANSCRIBE_NOT_FOUND'],
  ] as const) {
    api.get<{ Params: { id: string } }>(`/${name}/:id`, async ({ params }, reply) => {
      const found = listed.find(({ item }) => item['id'] === params.id);
      return found?.item ?? refuse(reply, 404, 'NOT_FOUND', code);
    });
  }
  api.get('/numbers', (request) => {
    const numbers = state.numbers.map((number, index) => {
      const createdAt = new Date(state.numbers.length - index);
      const item = {
        id: `number-${number}`,
        customer_id: CUSTOMER_ID,
        number,
        type: 'normal',
        status: 'active',
        tm_create: createdAt.toISOString(),
      };
      return { createdAt, item };
    });
    return pageOf(numbers, request.query);
  });
  state.webhooks.serve(api, () => ({ identity_verification_status: state.account.identity }));
  api.get('/billing_account', () => ({
    id: randomUUID(),
    customer_id: CUSTOMER_ID,
    plan_type: 'free',
    balance_credit: state.account.credit,
    balance_token: 0,
  }));
}

/** The storage behind signed addresses: no credential, only the signature counts. */
function serveStorage(server: FastifyInstance, state: State): void {
  server.get<{ Params: { name: string }; Querystring: { 'X-Goog-Signature'?: string } }>(
    '/storage/:name',
    async (request, reply) => {
      const { name } = request.params;
      if (!state.recordings.isSigned(name, request.query['X-Goog-Signature'])) {
        return reply.code(403).type('application/xml').send('<Error><Code>SignatureDoesNotMatch</Code></Error>');
      }
      if (name.endsWith('.zip')) {
        return reply.type('application/zip').send(state.recordings.zip(name.slice(0, -'.zip'.length)));
      }
      const wav = state.recordings.wavs(name.replace(/_(?:in|out)\.wav$/, '')).find((each) => each.name === name);
      return wav === undefined ? reply.code(404).send() : reply.type('audio/wav').send(wav.content);
    },
  );
}

function isAuthorised(request: FastifyRequest): boolean {
  return credentialsOf(request).some(({ key }) => key === STAND_IN_ACCESS_KEY);
}

/**
 * An access key counts in a cookie or the query only; as a bearer token it is taken for a JWT (reference voipbin.md 5).
 */
function credentialsOf(request: FastifyRequest): { where: 'cookie' | 'query'; key: string }[] {
  const cookie = /(?:^|;\s*)accesskey=([^;]*)/.exec(request.headers.cookie ?? '')?.[1];
  const query = new URL(request.url, 'http://localhost').searchParams.get('accesskey');
  return [
    ...(cookie === undefined ? [] : [{ where: 'cookie' as const, key: cookie }]),
    ...(query === null ? [] : [{ where: 'query' as const, key: query }]),
  ];
}

function record(state: State, request: FastifyRequest): void {
  const { pathname, search } = new URL(request.url, 'http://localhost');
  keep(state.requests, {
    method: request.method,
    path: pathname,
    query: search,
    credential: credentialsOf(request)[0]?.where ?? 'none',
  });
}
