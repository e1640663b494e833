import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WrongUse } from '../errors/operator-errors';
import type { CanonicalEvent } from '../events/canonical-event';
import { canonicalize } from '../events/canonicalize';
import { parseEnvelope } from '../events/envelope';
import { parseExactly, toJsonText } from '../events/exact-number';
import type { JsonObject } from '../events/json';
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

/** When an event occurred, as rules see it; null for a body that is no event, or one without a time. */
export function occurredAt(body: JsonObject): Date | null {
  const raw = Buffer.from(toJsonText(body));
  const parsed = parseEnvelope(raw);
  if (!parsed.ok) {
    return null;
  }
  const received = new Date();
  const { occurred_at: time } = canonicalize(parsed.envelope, raw, received, { has: () => false });
  return time === received.toISOString() ? null : new Date(time);
}

function samplesFolder(): string {
  return join(packageRoot(), 'config', 'samples');
}
