import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WrongUse } from '../errors/operator-errors';
import type { CanonicalEvent } from '../events/canonical-event';
import { canonicalize } from '../events/canonicalize';
import { parseEnvelope } from '../events/envelope';
import { parseExactly, toJsonText } from '../events/exact-number';
import type { JsonObject, JsonValue } from '../events/json';
import { packageRoot } from '../setup/package-root';
import { nearest } from '../yaml/nearest-name';

/** The names of the sample events in config/samples, sorted. */
export function sampleNames(): string[] {
  const folder = samplesFolder();
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((file) => file.endsWith('.json'))
        .map((file) => file.slice(0, -'.json'.length))
        .sort()
    : [];
}

/** A sample event by its name; null when there is none. */
export function findSample(name: string): JsonObject | null {
  return sampleNames().includes(name) ? readEvent(join(samplesFolder(), `${name}.json`)) : null;
}

/** Every sample as the bridge reads it, as if it came in 2026. */
export function readSamples(): { name: string; event: CanonicalEvent }[] {
  return sampleNames().flatMap((name) => {
    const body = Buffer.from(toJsonText(readEvent(name)));
    const parsed = parseEnvelope(body);
    return parsed.ok
      ? [{ name, event: canonicalize(parsed.envelope, body, new Date(SAMPLES_CAME_AT), { has: () => false }) }]
      : [];
  });
}

const SAMPLES_CAME_AT = '2026-08-22T16:00:00Z';

/**
 * Reads an event from a file, or a sample by its name.
 * @throws WrongUse when there is neither, or the file is not a JSON object.
 */
export function readEvent(fileOrName: string): JsonObject {
  const sample = join(samplesFolder(), `${fileOrName}.json`);
  const path = existsSync(fileOrName) ? fileOrName : sample;
  if (!existsSync(path)) {
    const suggestion = nearest(fileOrName, sampleNames());
    throw new WrongUse(
      `no file and no sample event "${fileOrName}"${suggestion === null ? '' : `; did you mean "${suggestion}"?`}\nSamples: ${sampleNames().join(', ')}`,
    );
  }
  try {
    const parsed: unknown = parseExactly(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return parsed as JsonObject;
    }
    throw new SyntaxError('it is not a JSON object');
  } catch (error) {
    throw new WrongUse(`${path} cannot be sent: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
}

/**
 * Sets one value of an event: `data.source.target=+1555…`. The value is JSON where it parses as JSON, else text. Digits
 * that look like a phone number stay text.
 * @throws WrongUse when there is no `=`, or the path leads through a value that is not an object.
 */
export function setValue(event: JsonObject, assignment: string): void {
  const equals = assignment.indexOf('=');
  if (equals <= 0) {
    throw new WrongUse(`--set expects path=value, such as data.id=my-call; got "${assignment}"`);
  }
  const path = assignment.slice(0, equals).split('.');
  const last = path.pop() ?? '';
  let parent: JsonObject = event;
  for (const name of path) {
    const next = Object.hasOwn(parent, name) ? parent[name] : undefined;
    if (next === undefined || next === null) {
      const created: JsonObject = {};
      define(parent, name, created);
      parent = created;
    } else if (typeof next === 'object' && !Array.isArray(next)) {
      parent = next;
    } else {
      throw new WrongUse(`--set ${assignment}: "${name}" is not an object`);
    }
  }
  define(parent, last, parseValue(assignment.slice(equals + 1)));
}

/** Sets a property of any name: an assignment to `__proto__` would set the prototype. */
function define(object: JsonObject, name: string, value: JsonValue): void {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

function parseValue(text: string): JsonValue {
  if (/^\+?\d{7,}$/.test(text)) {
    return text;
  }
  try {
    return parseExactly(text);
  } catch {
    return text;
  }
}

function samplesFolder(): string {
  return join(packageRoot(), 'config', 'samples');
}
