import { nearest } from '../../yaml/nearest-name';
import type { NamedValues } from '../language/named-values';
import type { Names } from './field-test';
import type { Variable } from './variable';

/** An example of what is in a group, and what one of it is called. */
const GROUPS: Readonly<Record<keyof NamedValues, { one: string; example: string }>> = {
  lists: { one: 'list', example: 'lists.<name>' },
  maps: { one: 'map', example: 'maps.<name>[<field>]' },
  windows: { one: 'window', example: 'windows.<name>.open' },
};

/** What is known of `lists.<name>`, `maps.<name>[<key>]`, `windows.<name>.open` and `.opens_at`, without the root. */
export function lookAtName(root: keyof NamedValues, path: readonly string[], names: Names): Variable {
  const [name, member, ...rest] = path;
  const { one, example } = GROUPS[root];
  if (name === undefined) {
    return { state: 'group', example };
  }
  if (!names[root].has(name)) {
    const near = nearest(name, names[root].keys());
    return {
      state: 'unknown',
      message: `there is no ${one} "${name}"`,
      hint: near === null ? `define it under ${root}` : `did you mean "${root}.${near}"?`,
    };
  }
  switch (root) {
    case 'lists':
      return member === undefined
        ? { state: 'always' }
        : {
            state: 'unknown',
            message: `lists.${name} is a list and has no field "${member}"`,
            hint: `write size(lists.${name}), or <field> in lists.${name}`,
          };
    case 'maps':
      return { state: member === undefined ? 'always' : 'maybe' };
    case 'windows':
      if (member === undefined) {
        return { state: 'group', example: `windows.${name}.open` };
      }
      return (member === 'open' || member === 'opens_at') && rest.length === 0
        ? { state: 'always' }
        : {
            state: 'unknown',
            message: `windows.${name} has no field "${[member, ...rest].join('.')}"`,
            hint: 'it has open (true or false) and opens_at (a time)',
          };
  }
}
