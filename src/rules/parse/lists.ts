import { isMap, isScalar, isSeq } from 'yaml';
import type { Position } from '../../yaml/finding';
import { kindOf, quoted, type BlockReader, type Value } from './block-reader';
import type { ListItem } from './operands';

/** The items of a named list, each with its position. */
export type NamedList = readonly { value: ListItem; at: Position }[];

/** Reads the `lists` block of one file. */
export function readLists(reader: BlockReader, value: Value): Map<string, NamedList> {
  const lists = new Map<string, NamedList>();
  for (const { name, at, inner } of readNamed(reader, value, 'lists')) {
    const items: { value: ListItem; at: Position }[] = [];
    for (const item of reader.list(inner, `the list ${name}`) ?? []) {
      const single: unknown = isScalar(item.node) ? item.node.value : null;
      if (typeof single === 'string' || typeof single === 'number' || typeof single === 'boolean') {
        items.push({ value: single, at: item.at });
      } else {
        reader.findings.error(
          item.at,
          'type',
          `the list ${name} can only contain single values, not ${kindOf(item.node)}`,
        );
      }
    }
    if (isSeq(inner.node) && inner.node.items.length === 0) {
      reader.findings.warn(at, 'empty', `the list ${name} is empty, so it contains no value`);
    }
    lists.set(name, items);
  }
  return lists;
}

/** The entries of a block whose keys are names that the author chooses. */
export function readNamed(
  reader: BlockReader,
  value: Value,
  what: string,
): { name: string; at: Position; inner: Value }[] {
  if (!isMap(value.node)) {
    reader.findings.error(value.at, 'type', `${what} must be a block of names, not ${kindOf(value.node)}`);
    return [];
  }
  return reader.document.entries(value.node).flatMap((entry) => {
    const { key, keyAt } = entry;
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(key)) {
      reader.findings.error(keyAt, 'name', `${quoted(key)} cannot be a name in ${what}`, {
        hint: 'use letters, digits, dashes and underscores',
      });
      return [];
    }
    return [{ name: key, at: keyAt, inner: entry }];
  });
}
