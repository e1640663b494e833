import { Batcher, type BatchKind } from '../../batcher';
import { transientFailure } from '../failure';
import type { PhoneForms } from '../phone-forms';
import type { HubSpotRecord, ObjectType } from '../record';
import type { BatchConnection } from './batch-connection';
import { readKind, searchKind, type ReadBy } from './reads';
import { createKind, updateKind, type CreateInput, type UpdateInput } from './writes';

/** The requests of all attempts of this worker that may go out together, by kind. */
export class HubSpotBatches {
  readonly #closing = new AbortController();
  /** A few kinds: the code asks for a few sets of properties. */
  readonly #reads = new Map<string, Batcher<string, HubSpotRecord | null>>();
  readonly #creations = new Map<string, Batcher<CreateInput, HubSpotRecord>>();
  readonly #updates = new Map<ObjectType, Batcher<UpdateInput, HubSpotRecord>>();
  readonly #searches = new Map<string, Batcher<PhoneForms, HubSpotRecord[]>>();

  constructor(private readonly client: BatchConnection) {}

  contactsByPhone(properties: readonly string[]): Batcher<PhoneForms, HubSpotRecord[]> {
    return kept(this.#searches, properties.join(), () => this.#batcher(searchKind(this.client, properties)));
  }

  reads(type: ObjectType, by: ReadBy): Batcher<string, HubSpotRecord | null> {
    const { idProperty = '', properties = [], associated = false, archived = false } = by;
    const key = [type, idProperty, properties.join(), associated, archived].join('/');
    return kept(this.#reads, key, () => this.#batcher(readKind(this.client, type, by)));
  }

  creations(type: ObjectType, keyProperty: string): Batcher<CreateInput, HubSpotRecord> {
    const key = `${type}/${keyProperty}`;
    return kept(this.#creations, key, () => this.#batcher(createKind(this.client, type, keyProperty)));
  }

  updates(type: ObjectType): Batcher<UpdateInput, HubSpotRecord> {
    return kept(this.#updates, type, () => this.#batcher(updateKind(this.client, type)));
  }

  /** Ends what is under way. */
  close(): void {
    this.#closing.abort();
  }

  #batcher<Input, Result>(kind: BatchKind<Input, Result>): Batcher<Input, Result> {
    return new Batcher(kind, this.#closing.signal, () =>
      transientFailure('the request to hubspot was cancelled', 'cancelled'),
    );
  }
}

function kept<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) {
    return known;
  }
  const made = make();
  map.set(key, made);
  return made;
}
