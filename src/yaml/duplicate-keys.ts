import { isMap, isScalar, isSeq, YAMLParseError, type Node } from 'yaml';
import { keyText, nodeOrNull } from './document';

/**
 * Finds the keys that are there twice in the same block, as errors of the parser. The parser's own check compares each key
 * with all before it: a map of 150,000 keys took it more than a minute.
 * @param maxDepth blocks below it are not looked at.
 */
export function duplicateKeys(root: Node | null, maxDepth: number): YAMLParseError[] {
  const found: YAMLParseError[] = [];
  const visit = (node: Node | null, depth: number): void => {
    if (depth > maxDepth) {
      return;
    }
    if (isMap(node)) {
      const seen = new Set<string>();
      for (const { key, value } of node.items) {
        if (isScalar(key)) {
          const text = keyText(key);
          const [start = 0, end = 0] = key.range ?? [];
          if (seen.has(text)) {
            found.push(new YAMLParseError([start, end], 'DUPLICATE_KEY', 'Map keys must be unique'));
          }
          seen.add(text);
        }
        visit(nodeOrNull(value), depth + 1);
      }
    } else if (isSeq(node)) {
      node.items.forEach((item) => visit(nodeOrNull(item), depth + 1));
    }
  };
  visit(root, 0);
  return found;
}
