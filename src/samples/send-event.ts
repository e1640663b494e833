import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nearest } from '../yaml/nearest-name';
import type { JsonObject, JsonValue } from '../events/json';
import { signatureOf } from '../receiver/verified-request';
import type { ReceiverSettings } from '../settings/settings';
import { packageRoot } from '../setup/package-root';
import { WrongUse } from '../errors/operator-errors';

const ANSWER_WITHIN_MS = 10_000;

/** Sample events, by name; the page's own examples among them. */
function samplesFolder(): string {
  return join(packageRoot(), 'config', 'samples');
}

/** Names that `bridge send` knows. */
export function sampleNames(): string[] {
  const folder = samplesFolder();
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((file) => file.endsWith('.json'))
        .map((file) => file.slice(0, -'.json'.length))
        .sort()
    : [];
}

/**
 * Reads an event to send: a file, or a sample by its name.
 * @throws WrongUse when there is neither, or the file holds no JSON object.
 */
export function readEvent(fileOrName: string): JsonObject {
  const sample = join(samplesFolder(), `${fileOrName}.json`);
  const path = existsSync(fileOrName) ? fileOrName : sample;
  if (!existsSync(path)) {
    const meant = nearest(fileOrName, sampleNames());
    throw new WrongUse(
      `no file and no sample event "${fileOrName}"${meant === null ? '' : `; did you mean "${meant}"?`}\nSamples: ${sampleNames().join(', ')}`,
    );
  }
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return parsed as JsonObject;
    }
    throw new SyntaxError('it holds no JSON object');
  } catch (error) {
    throw new WrongUse(`${path} cannot be sent: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
}

/**
 * Changes one value: `data.source.target=+1555…`. The value is read as JSON where it is JSON, else as text; what looks
 * like a phone number stays text.
 * @throws WrongUse when there is no `=` or the path leads through something that is no object.
 */
export function setValue(event: JsonObject, assignment: string): void {
  const equals = assignment.indexOf('=');
  if (equals <= 0) {
    throw new WrongUse(`--set takes path=value, such as data.id=my-call; got "${assignment}"`);
  }
  const path = assignment.slice(0, equals).split('.');
  const last = path.pop() ?? '';
  let place: JsonObject = event;
  for (const name of path) {
    const next = Object.hasOwn(place, name) ? place[name] : undefined;
    if (next === undefined || next === null) {
      const made: JsonObject = {};
      Object.defineProperty(place, name, { value: made, enumerable: true, configurable: true, writable: true });
      place = made;
    } else if (typeof next === 'object' && !Array.isArray(next)) {
      place = next;
    } else {
      throw new WrongUse(`--set ${assignment}: "${name}" is no object`);
    }
  }
  Object.defineProperty(place, last, {
    value: readValue(assignment.slice(equals + 1)),
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function readValue(text: string): JsonValue {
  if (/^\+?\d{7,}$/.test(text)) {
    return text;
  }
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}

/** What the receiver answered. */
export interface Answer {
  status: number;
  /** `status` and `id` of the answer where it had them. */
  result: string | null;
  id: string | null;
}

/**
 * Sends an event to a receiver the way VoIPBIN does: POST, JSON, signed when there is a secret.
 * @param url the webhook's URL.
 */
export async function sendEvent(
  event: JsonObject,
  url: string,
  receiver: Pick<ReceiverSettings, 'webhookSecrets'>,
): Promise<Answer> {
  const body = Buffer.from(JSON.stringify(event));
  const secret = receiver.webhookSecrets[0];
  const signature = secret === undefined ? {} : { 'x-voipbin-signature': signatureOf(body, secret) };
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signature },
    body,
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  const text = await response.text();
  const answer: unknown = response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : null;
  const field = (name: 'status' | 'id'): string | null => {
    const value: unknown =
      typeof answer === 'object' && answer !== null && name in answer
        ? (answer as Record<string, unknown>)[name]
        : null;
    return typeof value === 'string' ? value : null;
  };
  return { status: response.status, result: field('status'), id: field('id') };
}

/** Where this machine's receiver takes events. */
export function webhookUrl(receiver: Pick<ReceiverSettings, 'host' | 'port' | 'tls'>): string {
  const host = receiver.host === '0.0.0.0' || receiver.host === '::' ? '127.0.0.1' : receiver.host;
  return `${receiver.tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${receiver.port}/voipbin/webhook`;
}
