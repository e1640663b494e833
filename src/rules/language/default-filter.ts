import { Output, toValueSync, Value, type Context, type Filter, type Template } from 'liquidjs';
import { plainValue } from './escapes';

/**
 * Makes `default` mean the same at any place of a chain of filters: `{{ steps.task.contact.name | first_name | default:
 * 'there' }}`. Up to the last `default`, filters are not called for an absent value, which stays absent, and a variable
 * that does not exist is absent instead of an error. Liquid's own parser does the latter only where `default` is the first
 * filter. Changes the templates.
 */
export function keepAbsentUntilDefault(templates: Template[]): Template[] {
  for (const template of templates) {
    const values = template instanceof Output ? [template.value] : (template.arguments?.() ?? []);
    for (const value of values) {
      if (value instanceof Value) {
        guardFilters(value.filters);
      }
    }
    if (template.children !== undefined) {
      const children: unknown = toValueSync(template.children(false, true));
      keepAbsentUntilDefault(Array.isArray(children) ? (children as Template[]) : []);
    }
  }
  return templates;
}

function guardFilters(filters: Filter[]): void {
  const last = filters.findLastIndex(({ name }) => name === 'default');
  const [first] = filters;
  if (first === undefined || last < 1 || filters.slice(0, last).every(({ name }) => name === 'default')) {
    return;
  }
  const guarded = filters.slice(0, last).map((filter) =>
    filter.name === 'default'
      ? filter
      : withRender(filter, function* (value, context) {
          return isAbsent(value) ? null : yield filter.render(value, context);
        }),
  );
  // liquidjs lets a variable be absent where the first filter has the name `default`.
  const pass = withRender(filters[last] ?? first, function* (value) {
    yield;
    return value;
  });
  filters.splice(0, last, pass, ...guarded);
}

type Render = (value: unknown, context: Context) => Generator<unknown, unknown, unknown>;

function withRender(filter: Filter, render: Render): Filter {
  return Object.create(filter, { render: { value: render } }) as Filter;
}

function isAbsent(value: unknown): boolean {
  const plain = plainValue(value);
  return plain === null || plain === undefined;
}
