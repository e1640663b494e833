import { isAlias, isMap, isScalar, isSeq, Scalar, type LineCounter, type Node, type YAMLMap, type YAMLSeq } from 'yaml';
import type { JsonValue } from '../events/json';
import type { Position } from './finding';

/** A key of a map with its value. */
export interface Entry {
  key: string;
  keyAt: Position;
  /** Null for a key without a value. */
  node: Node | null;
  /** The position of the value, or of its key when there is no value. */
  at: Position;
}

/** A parsed YAML file: nodes with their positions. Made only by `readYaml`. */
export class YamlDocument {
  constructor(
    readonly file: string,
    readonly text: string,
    private readonly lines: LineCounter,
    /** The top of the document; null when the file is empty. */
    readonly root: Node | null,
  ) {}

  /** The position of an offset in the text. */
  positionAt(offset: number): Position {
    const { line, col } = this.lines.linePos(Math.min(offset, this.text.length));
    return { file: this.file, line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  /** The position where a node begins; the top of the file for null. */
  positionOf(node: Node | null): Position {
    return this.positionAt(node?.range?.[0] ?? 0);
  }

  /** The entries of a map in the order of the file. Keys that are blocks or lists are left out: they are findings. */
  entries(map: YAMLMap): Entry[] {
    return map.items.flatMap(({ key, value }) => {
      if (!isScalar(key)) {
        return [];
      }
      const keyAt = this.positionOf(key);
      const node = nodeOrNull(value);
      return [{ key: keyText(key), keyAt, node, at: node === null ? keyAt : this.positionOf(node) }];
    });
  }

  /** The elements of a list. */
  items(list: YAMLSeq): (Node | null)[] {
    return list.items.map(nodeOrNull);
  }

  /**
   * The position of a row and column (both from 1) inside a text node's value. Exact for plain, quoted and block texts
   * without escapes or folding. Otherwise it is the right line, or the start of the node.
   */
  positionInside(node: Node | null, row: number, column: number): Position {
    if (!isScalar(node) || node.range === undefined || node.range === null) {
      return this.positionOf(node);
    }
    const start = this.positionOf(node);
    if (node.type === Scalar.BLOCK_LITERAL || node.type === Scalar.BLOCK_FOLDED) {
      // The first line of a block text is the one after its header.
      const indent =
        this.text
          .split('\n')
          .slice(start.line)
          .find((line) => line.trim() !== '')
          ?.match(/^ */)?.[0].length ?? 0;
      return { file: this.file, line: start.line + row, column: indent + column };
    }
    if (row !== 1) {
      return start;
    }
    const quote = node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE ? 1 : 0;
    return { ...start, column: start.column + quote + column - 1 };
  }
}

/** A key as text, also where it is written as a number or `true`. */
export function keyText(key: Scalar): string {
  return typeof key.value === 'string' ? key.value : (key.source ?? '');
}

/** A value of the YAML library's tree as a node, or null where there is none. */
export function nodeOrNull(value: unknown): Node | null {
  return isScalar(value) || isMap(value) || isSeq(value) || isAlias(value) ? value : null;
}

/** A node's value as JSON. `readYaml` refuses aliases and everything else that JSON does not have. */
export function toJson(node: Node | null): JsonValue {
  if (isMap(node)) {
    const object: { [key: string]: JsonValue } = {};
    for (const { key, value } of node.items) {
      // Defined, not assigned: `__proto__` is a key like any other.
      Object.defineProperty(object, isScalar(key) ? keyText(key) : '', {
        value: toJson(nodeOrNull(value)),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return object;
  }
  if (isSeq(node)) {
    return node.items.map((item) => toJson(nodeOrNull(item)));
  }
  if (!isScalar(node)) {
    return null;
  }
  const { value } = node;
  return typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number' ? value : null;
}
