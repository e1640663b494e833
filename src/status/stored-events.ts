import type { CanonicalEvent } from '../events/canonical-event';
import { parseEnvelope, type Envelope } from '../events/envelope';
import { OwnNumbers } from '../events/own-numbers';
import { InboxReader } from '../inbox/archive/reader';
import type { RuleSetUse } from '../inbox/stored-event';
import type { Settings } from '../settings/settings';

/** An event in the data folder, by its id; null for an unknown id. */
export function storedEvent(dataDir: string, eventId: string): CanonicalEvent | null {
  return withReader(dataDir, (reader) => reader.get(eventId)?.event ?? null);
}

/** The envelope of an event in the data folder as VoIPBIN sent it; null for an unknown id. */
export function storedEnvelope(dataDir: string, eventId: string): Envelope | null {
  const stored = withReader(dataDir, (reader) => reader.get(eventId));
  const parsed = stored === null ? null : parseEnvelope(stored.body);
  return parsed?.ok === true ? parsed.envelope : null;
}

/** Our own numbers: those in the settings and those that the bridge has learnt from events. */
export function knownNumbers({ dataDir, numbers, country }: Settings): OwnNumbers {
  return withReader(dataDir, (reader) => new OwnNumbers([...numbers, ...reader.ownNumbers()], country));
}

/** The rule sets that were in force, with the events received in that time. */
export function ruleSetHistory(dataDir: string): RuleSetUse[] {
  return withReader(dataDir, (reader) => reader.ruleSets());
}

/**
 * The events in the data folder that came since then, oldest first, read as they are used.
 * @param most ends after so many.
 */
export function* eventsSince(dataDir: string, since: Date, most = Infinity): Generator<CanonicalEvent> {
  const reader = InboxReader.open(dataDir);
  try {
    let count = 0;
    for (const { event } of reader.iterate({ since })) {
      if (count === most) {
        return;
      }
      yield event;
      count += 1;
    }
  } finally {
    reader.close();
  }
}

function withReader<Result>(dataDir: string, read: (reader: InboxReader) => Result): Result {
  const reader = InboxReader.open(dataDir);
  try {
    return read(reader);
  } finally {
    reader.close();
  }
}
