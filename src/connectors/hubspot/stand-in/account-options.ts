import type { ObjectType } from '../record';

/** How the stand-in's account behaves. */
export interface AccountOptions {
  /** How long new data stays invisible to searches. */
  indexDelayMs: number;
  /** ISO country in which the account reads numbers without country code. */
  country: string;
  /**
   * The status of an answer to a second use of a unique value: HubSpot's documented 409, or the 400 that was seen for
   * property values.
   */
  conflictStatus: 409 | 400;
  /** Whether the answer to a second use tells the id of the record that has the value. */
  conflictNamesId: boolean;
  /**
   * How unique properties that are created work, by object type; `honoured` where absent. HubSpot documents them for
   * contacts; for calls and tasks nobody has published what an account does.
   */
  uniqueProperties: Partial<Record<ObjectType, UniqueProperties>>;
  /** The status of a look-up by a property that is no id, or does not exist: 400 with or without a code, or 404. */
  noIdProperty: 'coded' | 'bare' | 404;
  /** Whether a deleted record still holds its unique values. Not documented; an archived contact is seen to. */
  removedKeepsValue: boolean;
  /** Whether the searchable digits of a phone lose leading zeros that belong to the number, as an export showed. */
  searchableZeros: 'dropped' | 'kept';
  /** Whether the account refuses phones that are possible but not valid, as HubSpot's phone validation does. */
  validatesPhones: boolean;
  /** At most this many records of a type; the oldest goes first. */
  capacity: number;
  batches: BatchAnswers;
  /** Whether the results of a batch creation carry `objectWriteTraceId` back, as HubSpot's API description has it. */
  resultsCarryTraceIds: boolean;
}

/**
 * What the account answers to a batch of which some inputs are refused.
 * - `each`: HubSpot's documented 207, where every input has an `objectWriteTraceId` of its own: what is right is done.
 * - `whole`: the first refusal, and nothing is done; as seen of accounts, and documented for inputs without such ids.
 * - `partly`: the first refusal, and what stood before it is done. Seen nowhere, and excluded nowhere.
 */
export type BatchAnswers = 'each' | 'whole' | 'partly';

/**
 * - `honoured`: kept unique, and records are found by them.
 * - `refused`: cannot be created.
 * - `not_unique`: created without uniqueness, as the answer says.
 * - `look_up_refused`: kept unique; a look-up by them is refused.
 * - `not_found`: kept unique; a look-up and a search by them find nothing.
 */
export type UniqueProperties = 'honoured' | 'refused' | 'not_unique' | 'look_up_refused' | 'not_found';
