import { createHash } from 'node:crypto';
import type { JsonValue } from '../../events/json';
import { toJson, type YamlDocument } from '../../yaml/document';

/** 12 hex characters of the content of the files. Comments, layout, order of keys, includes and tests do not count. */
export function hashOf(documents: readonly YamlDocument[]): string {
  const hash = createHash('sha256');
  for (const document of documents) {
    const json = toJson(document.root);
    const content =
      typeof json === 'object' && json !== null && !Array.isArray(json)
        ? Object.fromEntries(Object.entries(json).filter(([key]) => key !== 'tests' && key !== 'include'))
        : json;
    hash.update(`${canonicalJson(content)}\n`);
  }
  return hash.digest('hex').slice(0, 12);
}

function canonicalJson(value: JsonValue): string {
  if (Array.isArray(value)) {
    return `[${value.map(canonicalJson).join(',')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const parts = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
    return `{${parts.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
