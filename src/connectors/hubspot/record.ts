/** The object types that the bridge reads and writes. */
export type ObjectType = 'contacts' | 'calls' | 'tasks';

/** A record as the bridge needs it. */
export interface HubSpotRecord {
  id: string;
  /** As text, as HubSpot gives them; null or absent when not set. */
  properties: Readonly<Record<string, string | null>>;
  /** Milliseconds since the epoch. */
  updatedAt: number;
  /** The contacts it is associated with; empty unless asked for. */
  contactIds: readonly string[];
}

/** What a property is, by HubSpot's own words (`date`, `datetime`, `string`, `enumeration`…). */
export interface PropertyDefinition {
  name: string;
  type: string;
  groupName: string;
  hasUniqueValue: boolean;
  /** HubSpot works its value out. */
  calculated?: boolean | null | undefined;
  /** `readOnlyValue`: nobody may write it by the API. */
  modificationMetadata?: { readOnlyValue?: boolean | null | undefined } | null | undefined;
  /** The choices are not those of `options`, but records, such as owners. */
  externalOptions?: boolean | null | undefined;
  /** The choices of an enumeration. */
  options?: readonly { value: string }[] | null | undefined;
}

/** One condition of a search. */
export interface SearchFilter {
  propertyName: string;
  operator: 'EQ' | 'IN' | 'CONTAINS_TOKEN';
  value?: string;
  values?: string[];
}

/** The property has this value, without regard to case. */
export function equal(propertyName: string, value: string): SearchFilter {
  return { propertyName, operator: 'EQ', value };
}

/** The property has one of these values, without regard to case. */
export function isOneOf(propertyName: string, values: readonly string[]): SearchFilter {
  return { propertyName, operator: 'IN', values: values.map((value) => value.toLowerCase()) };
}

/** One of the property's words is this; `*` matches any part of a word. */
export function hasToken(propertyName: string, value: string): SearchFilter {
  return { propertyName, operator: 'CONTAINS_TOKEN', value };
}

/**
 * How HubSpot tells the records of one type apart by the bridge's own property.
 * - `unique`: it keeps the values unique; a second record with the same value is refused.
 * - `searchable`: the property exists, but its values are not kept unique.
 * - `none`: the property does not exist.
 */
export type KeyUniqueness = 'unique' | 'searchable' | 'none';
