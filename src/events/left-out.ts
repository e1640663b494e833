/**
 * Reading a part of an event that is not in the run's input. The message names the part and contains no data of the
 * event.
 */
export class LeftOutError extends Error {
  override readonly name = 'LeftOutError';

  constructor(path: string) {
    super(`the event is too large for Temporal; the step reads a part that was left out: ${path}`);
  }
}

/**
 * Copies an event, or its variables, so that reading a part that was left out throws. Every way of reading counts: by
 * name, in a loop over the members, as JSON of the whole.
 *
 * @param value has the parts under the paths' names: `text`, `data`, `peer` with `name`.
 * @param leftOut the event's `left_out`. Without it, `value` itself is returned.
 */
export function guardLeftOut<Value extends object>(value: Value, leftOut: readonly string[] | undefined): Value {
  if (leftOut === undefined) {
    return value;
  }
  const guarded = { ...value };
  const groups = new Map<string, object>();
  for (const path of leftOut) {
    const [group = '', member] = path.split('.');
    if (member === undefined) {
      throwOnRead(guarded, group, path);
      continue;
    }
    const copy = groups.get(group) ?? { ...Object(Reflect.get(guarded, group)) };
    groups.set(group, copy);
    Object.defineProperty(guarded, group, { enumerable: true, configurable: true, value: copy });
    throwOnRead(copy, member, path);
  }
  return guarded;
}

function throwOnRead(target: object, name: string, path: string): void {
  Object.defineProperty(target, name, {
    enumerable: true,
    get: () => {
      throw new LeftOutError(path);
    },
  });
}

/**
 * Throws when one of the references is to a part that was left out, to something within it, or to a group that
 * contains it.
 *
 * @param references paths from a variable: `['data', 'text']`.
 * @throws LeftOutError
 */
export function assertNotLeftOut(references: readonly (readonly string[])[], leftOut: readonly string[] = []): void {
  for (const path of leftOut) {
    const [group, member] = path.split('.');
    const isRead = references.some(
      ([first, second]) => first === group && (member === undefined || second === undefined || second === member),
    );
    if (isRead) {
      throw new LeftOutError(path);
    }
  }
}
