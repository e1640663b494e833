import { fetch, type Dispatcher, type Response } from 'undici';
import { readAnswerText } from '../../net/answer-text';
import { networkFailure } from '../network-failure';
import { failureOf, HUBSPOT_PARTS, transientFailure, type HubSpotPart } from './failure';

/** A hundred records with many properties have less than one. */
const LARGEST_ANSWER_BYTES = 8 * 1024 * 1024;

/**
 * Which paths are called. `client`: those of @hubspot/api-client 14, `/crm/v3` and `/crm/v4`, which HubSpot supports
 * until September 2027 and 30 March 2027 (reference connectors.md 0.2). A date (`2026-09`): the date-based ones, which
 * HubSpot's API description of that date has for every path used here. They are not the default because that version
 * also enforces the account's validation rules on writes.
 */
export type Paths = 'client' | `20${string}-${string}`;

const DATED_PATHS: readonly [RegExp, (date: string) => string][] = [
  [/^\/crm\/v[34]\/objects\//, (date) => `/crm/objects/${date}/`],
  [/^\/crm\/v4\/associations\//, (date) => `/crm/associations/${date}/`],
  [/^\/crm\/v3\/properties\//, (date) => `/crm/properties/${date}/`],
  [/^\/crm\/v3\/owners\/?(?=$|\?)/, (date) => `/crm/owners/${date}`],
];

/** The path to call instead of the one the client made. */
export function pathOf(clientPath: string, paths: Paths): string {
  if (paths === 'client') {
    return clientPath;
  }
  for (const [pattern, start] of DATED_PATHS) {
    if (pattern.test(clientPath)) {
      return clientPath.replace(pattern, start(paths));
    }
  }
  return clientPath;
}

/** What every module of the SDK calls a request, structurally: each has a class of its own. */
export interface SdkRequest {
  getUrl(): string;
  getHttpMethod(): string;
  getHeaders(): Record<string, string>;
  getBody(): unknown;
}

/** An answer in the form that the SDK reads without stumbling: a status it expects, and always a JSON content type. */
export interface SdkAnswer {
  status: number;
  headers: Record<string, string>;
  text: string;
}

/**
 * One request to HubSpot, in place of the SDK's own HTTP, which has no timeout and no cancellation and takes a missing
 * content type, broken JSON or a 200 for a 201 for a nameless error (reference connectors.md 1.4).
 *
 * @param signal cancels; the request also ends after `timeoutMs`, the body included.
 * @throws ActionError for everything but a success, classified by status. A success whose body is not JSON makes the SDK
 *   throw, whatever its content type was; the caller takes all that the SDK itself throws for an answer that cannot be
 *   read.
 */
export async function exchange(
  request: SdkRequest,
  options: {
    signal: AbortSignal;
    timeoutMs: number;
    dispatcher: Dispatcher;
    paths: Paths;
    onHeaders(headers: Pick<Headers, 'get'>): void;
  },
): Promise<SdkAnswer> {
  const url = new URL(request.getUrl());
  const address = `${url.origin}${pathOf(`${url.pathname}${url.search}`, options.paths)}`;
  const method = request.getHttpMethod();
  const body = request.getBody();
  let response: Response;
  let text: string;
  try {
    response = await fetch(address, {
      method,
      headers: request.getHeaders(),
      redirect: 'manual',
      dispatcher: options.dispatcher,
      signal: AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]),
      ...(typeof body === 'string' ? { body } : {}),
    });
    text = await readAnswerText(response, LARGEST_ANSWER_BYTES);
  } catch (error) {
    throw options.signal.aborted
      ? transientFailure('the request to hubspot was cancelled', 'cancelled')
      : networkFailure(error, 'hubspot');
  }
  options.onHeaders(response.headers);
  if (!response.ok) {
    throw failureOf(response.status, response.headers, text, partOf(url.pathname));
  }
  return {
    status: expectedStatus(method, url.pathname, response.status),
    headers: { ...Object.fromEntries(response.headers), 'content-type': 'application/json' },
    text,
  };
}

/** A create must answer 201, a deletion 204 and everything else 200 (or 207), or the SDK throws although it was done. */
function expectedStatus(method: string, clientPath: string, status: number): number {
  if (status === 207) {
    return status;
  }
  if (method === 'DELETE') {
    return 204;
  }
  return method === 'POST' && /^\/crm\/v3\/(?:objects|properties)\/[^/]+(?:\/batch\/create)?$/.test(clientPath)
    ? 201
    : 200;
}

/** Paths below which the type of an object stands. */
const OF_RECORDS = new Set(['objects', 'associations']);

/** What a path of the client's is about. The type of an object stands before that of an object associated with it. */
function partOf(clientPath: string): HubSpotPart | null {
  const [, first = '', type = ''] = /^\/crm\/v[34]\/([a-z]+)(?:\/([a-z]+))?/.exec(clientPath) ?? [];
  return HUBSPOT_PARTS.find((part) => part === (OF_RECORDS.has(first) ? type : first)) ?? null;
}
