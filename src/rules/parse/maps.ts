import { isMap, isScalar } from 'yaml';
import type { Position } from '../../yaml/finding';
import type { FieldDefinition } from '../language/field';
import { comparableNumber } from '../language/operators';
import { kindOf, quoted, type BlockReader, type Value } from './block-reader';
import { readNamed } from './lists';
import type { ListItem } from './operands';

/** The entries of a named map. Keys are texts, also where they look like numbers. */
export type NamedMap = readonly { key: string; value: ListItem; at: Position }[];

/** More entries belong in the CRM: the maps that a rule uses travel with each of its runs. */
export const MAX_ENTRIES = 1_000;

/**
 * Reads the `maps` block of one file. Two keys that are one number, written differently, are a finding.
 * @param country of numbers without a country code.
 */
export function readMaps(reader: BlockReader, value: Value, country: string | null): Map<string, NamedMap> {
  const maps = new Map<string, NamedMap>();
  for (const { name, at, inner } of readNamed(reader, value, 'maps')) {
    if (!isMap(inner.node)) {
      reader.findings.error(inner.at, 'type', `the map ${name} must be a block of keys, not ${kindOf(inner.node)}`, {
        hint: 'such as { "+493012345678": anna@example.com }',
      });
      continue;
    }
    const seen = new Map<string, string>();
    const map = reader.document.entries(inner.node).flatMap((entry) => {
      const { key, keyAt, node } = entry;
      const same = seen.get(comparableNumber(key, country));
      if (same !== undefined) {
        reader.findings.error(
          keyAt,
          'duplicate-map',
          `the map ${name} has ${quoted(same)} and ${quoted(key)}, one number`,
        );
      }
      seen.set(comparableNumber(key, country), key);
      const single: unknown = isScalar(node) ? node.value : null;
      if (typeof single === 'string' || typeof single === 'number' || typeof single === 'boolean') {
        return [{ key, value: single, at: keyAt }];
      }
      reader.findings.error(entry.at, 'type', `the map ${name} can only contain single values, not ${kindOf(node)}`);
      return [];
    });
    if (inner.node.items.length === 0) {
      reader.findings.warn(at, 'empty', `the map ${name} is empty, so nothing is found in it`);
    }
    if (map.length > MAX_ENTRIES) {
      reader.findings.error(at, 'too-large', `the map ${name} has ${map.length} entries; the limit is ${MAX_ENTRIES}`);
    }
    maps.set(name, map);
  }
  return maps;
}

/** The values of a map as a field, to read what they are compared with. */
export function valueField(name: string): FieldDefinition {
  return {
    name: `the value in ${name}`,
    kind: 'any',
    presence: 'maybe',
    description: 'A value of a map.',
    read: () => null,
  };
}
