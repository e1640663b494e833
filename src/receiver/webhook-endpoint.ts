import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { Ingest, IngestResult } from '../ingest/ingest';
import { TrustedBody } from '../ingest/trusted-body';
import { subscriberOf, type Address } from '../net/address';
import { AddressList } from '../net/address-list';
import { clientAddress } from '../net/client-address';
import type { Secret } from '../settings/secret';
import { TurnEnd } from '../timing/turn-end';
import type { Callers } from './callers';
import type { ReceiverMetrics } from './metrics';
import { BodyMemory, readBody } from './read-body';
import { EVENT_METHODS, JSON_TYPE, MAX_BODY_BYTES, type Refusals, sendJson, WEBHOOK_PATH } from './refusals';
import { digestIn, VerifiedRequest } from './verified-request';

/** For all bodies above 64 KiB that are being read together. */
const BODY_LIMITS = { total: 256 * 1_048_576, perStranger: 64 * 1_048_576 };

/** Who may call the webhook. */
export interface WebhookAccess {
  /** Valid webhook secrets; several while rotating. None: nothing is verified. */
  secrets: readonly Secret[];
  /** IP addresses and CIDR ranges that may call the webhook; none: everyone. */
  allow: readonly string[];
}

/** What {@link addWebhookEndpoint} needs. */
export interface WebhookOptions {
  access: WebhookAccess;
  /** Whose `X-Forwarded-For` is trusted. */
  trustedProxies: AddressList;
  callers: Callers;
  ingest: Ingest;
  metrics: ReceiverMetrics;
  refusals: Refusals;
}

/**
 * Adds the webhook's routes. Every request is answered or refused in this order: address, method, page of a browser,
 * size, signature, content encoding, JSON and envelope.
 *
 * The address check sits in the routes' handler, which takes every method, so that the router alone decides what is a request to
 * the webhook. A second reading of the URL would not know every spelling (`%77ebhook`, `http://host/voipbin/webhook`).
 *
 * @throws RangeError when an entry of the address lists is invalid.
 */
export function addWebhookEndpoint(http: FastifyInstance, options: WebhookOptions): void {
  const { access, trustedProxies, callers, ingest, metrics, refusals } = options;
  const allowed = access.allow.length > 0 ? AddressList.parse(access.allow) : null;
  // Not Fastify's request.ip: its trustProxy does not read entries with a port.
  const addressOf = ({ raw }: FastifyRequest): Address | null =>
    clientAddress(raw.socket.remoteAddress, headerOf(raw.headers['x-forwarded-for']), trustedProxies);
  // The requests of one connection come from one address, unless a header says more.
  const peers = new WeakMap<Socket, { address: Address | null; caller: string }>();
  const senderOf = (request: FastifyRequest): { address: Address | null; caller: string } => {
    const { socket, headers } = request.raw;
    const isDirect = headers['x-forwarded-for'] === undefined;
    const known = isDirect ? peers.get(socket) : undefined;
    if (known !== undefined) {
      return known;
    }
    const address = addressOf(request);
    const sender = { address, caller: address === null ? 'unknown' : subscriberOf(address) };
    // A connection that has closed has no address any more.
    if (isDirect && address !== null) {
      peers.set(socket, sender);
    }
    return sender;
  };
  // Otherwise anyone could make a sender of itself.
  const isProtected = access.secrets.length > 0 || allowed !== null;
  const memory = new BodyMemory(BODY_LIMITS, callers);
  const turn = new TurnEnd();

  const refuseSignature = (caller: string, reply: FastifyReply): Promise<FastifyReply> => {
    callers.countNoise(caller);
    return refusals.signature(reply);
  };

  const receive = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const startedAt = performance.now();
    const { method, headers } = request;
    const { address, caller } = senderOf(request);
    if (allowed !== null && !allowed.contains(address)) {
      return refusals.address(reply);
    }
    const declaredBytes = Number(headers['content-length'] ?? 0);
    const hasBody = 'transfer-encoding' in headers || declaredBytes > 0;
    if (!EVENT_METHODS.has(method) || (method === 'DELETE' && !hasBody)) {
      return refusals.method(reply);
    }
    if (method === 'GET' && !hasBody) {
      return sendJson(reply, { service: 'voipbin-bridge', message: 'VoIPBIN events are taken here, by POST or PUT.' });
    }
    if (access.secrets.length === 0 && isFromPage(headers)) {
      callers.countNoise(caller);
      return refusals.page(reply);
    }
    if (declaredBytes > MAX_BODY_BYTES) {
      callers.countNoise(caller);
      return refusals.size(reply, declaredBytes);
    }
    const digest = digestIn(headerOf(headers['x-voipbin-signature']));
    if (access.secrets.length > 0 && digest === null) {
      return refuseSignature(caller, reply);
    }
    const read = await readBody(request.raw, { maxBytes: MAX_BODY_BYTES, memory, address: caller });
    if (!read.ok) {
      callers.countNoise(caller);
      return refusals.unreadBody(reply, read.failure);
    }
    const raw = {
      body: read.body,
      digest,
      contentType: headerOf(headers['content-type']),
      contentEncoding: headerOf(headers['content-encoding']),
      receivedAt: new Date(),
    };
    // What arrived together is judged together: in a burst, without the disk, that takes half the CPU time (measured).
    await turn.reached();
    const verified = VerifiedRequest.verify(raw, access.secrets);
    if (verified === null) {
      return refuseSignature(caller, reply);
    }
    if (verified.contentEncoding !== null && verified.contentEncoding.toLowerCase() !== 'identity') {
      return refusals.encoding(reply);
    }
    // Without a secret anyone could push everything else out of the quarantine.
    const mayQuarantine = async (): Promise<boolean> => access.secrets.length > 0 || !callers.countNoise(caller);
    const result = await ingest.take(TrustedBody.fromWebhook(verified), mayQuarantine);
    if (result.outcome !== 'invalid' && isProtected) {
      callers.rememberSender(caller);
    }
    return answer(result, reply, startedAt);
  };

  const answer = (result: IngestResult, reply: FastifyReply, startedAt: number): FastifyReply => {
    if (result.outcome !== 'invalid') {
      metrics.received(result.event.type, result.outcome, (performance.now() - startedAt) / 1_000);
      return acknowledge(reply, result.outcome, result.event.event_id);
    }
    const { invalid, quarantineId } = result;
    if (quarantineId !== null) {
      metrics.quarantined(invalid.reason);
    }
    if (invalid.reason === 'bug') {
      // It is on the disk and the fault is ours: VoIPBIN has done its part, and another try would end the same way.
      return acknowledge(reply, 'received', `quarantine/${quarantineId ?? ''}`);
    }
    return refusals.invalidEvent(reply, invalid.message, quarantineId, access.secrets.length === 0);
  };

  for (const url of [WEBHOOK_PATH, `${WEBHOOK_PATH}/`]) {
    http.route({
      method: [...http.supportedMethods],
      url,
      handler: receive,
    });
  }
}

/**
 * Answers an event. Not through Fastify's `send`, whose hooks and serialisers do nothing here and cost a tenth of an
 * ack.
 */
function acknowledge(reply: FastifyReply, status: 'received' | 'ignored' | 'duplicate', id: string): FastifyReply {
  const json = `{"status":"${status}","id":${JSON.stringify(id)}}`;
  reply.hijack();
  // Event ids are ASCII, so characters are bytes.
  reply.raw.writeHead(200, { 'content-type': JSON_TYPE, 'content-length': json.length });
  reply.raw.end(json);
  return reply;
}

/**
 * Whether a request comes from a web page: browsers say so, also of a form or of `fetch` with `no-cors`, in `Origin`, and in
 * `Sec-Fetch-Site` where the address is https or this machine. VoIPBIN sends neither.
 */
function isFromPage(headers: IncomingHttpHeaders): boolean {
  return 'origin' in headers || (headers['sec-fetch-site'] ?? 'none') !== 'none';
}

function headerOf(value: string | string[] | undefined): string | null {
  return typeof value === 'string' ? value : (value?.join(', ') ?? null);
}
