import type { Work } from '../../timing/work';
import type { AlertRoute } from '../alert-route';
import { fieldNamed } from '../language/fields';
import type { Rule } from '../rule';

/**
 * A part of a rule set in plain text, as the thread that checks rule files hands it over: rules refer to fields, which
 * have functions, and functions do not travel between threads.
 */
export interface RuleSetPart {
  /** Values that rules of this part and of later ones refer to. */
  shared: readonly SharedValue[];
  rules: readonly string[];
  alerts: readonly string[];
}

/** A long list or map, which many rules may use: it travels once. */
interface SharedValue {
  id: number;
  /** Whether it has single values only. */
  isPlain: boolean;
  json: string;
}

/** A part ends with the rule that makes it longer. */
const PART_CHARS = 64_000;
/** Longer lists and maps travel once. */
const MAX_OWN_ITEMS = 50;
/** Characters that are read in one step. */
const CHARS_PER_STEP = 200;
/** Characters of single values that are read in one step. */
const PLAIN_CHARS_PER_STEP = 5_000;

/** Writes a rule set in parts. */
export class PartWriter {
  readonly #ids = new Map<object, number>();
  readonly #rules: Iterator<Rule>;
  readonly #alerts: Iterator<AlertRoute>;
  #shared: SharedValue[] = [];
  #chars = 0;

  constructor(rules: readonly Rule[], alerts: readonly AlertRoute[]) {
    this.#rules = rules.values();
    this.#alerts = alerts.values();
  }

  /** The next part; null when all is written. */
  next(): RuleSetPart | null {
    this.#shared = [];
    this.#chars = 0;
    const rules = this.#take(this.#rules);
    const alerts = this.#take(this.#alerts);
    return rules.length + alerts.length === 0 ? null : { shared: this.#shared, rules, alerts };
  }

  #take(values: Iterator<unknown>): string[] {
    const taken: string[] = [];
    while (this.#chars < PART_CHARS) {
      const next = values.next();
      if (next.done === true) {
        break;
      }
      const json = this.#write(next.value);
      this.#chars += json.length;
      taken.push(json);
    }
    return taken;
  }

  #write(value: unknown): string {
    return JSON.stringify(value, (_key, inner: unknown) => this.#plain(inner));
  }

  #plain(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) {
      return value;
    }
    if (value instanceof Set) {
      return { '@': ['set', [...value]] };
    }
    if ('read' in value && typeof value.read === 'function' && 'name' in value) {
      return { '@': ['field', value.name] };
    }
    const items = Array.isArray(value) ? value : Object.keys(value);
    if (items.length > MAX_OWN_ITEMS) {
      return { '@': ['shared', this.#idOf(value)] };
    }
    // An object of the file that looks like one of these forms.
    return isTagged(value) ? { '@': ['map', Object.entries(value)] } : value;
  }

  #idOf(value: object): number {
    const known = this.#ids.get(value);
    if (known !== undefined) {
      return known;
    }
    const id = this.#ids.size;
    this.#ids.set(value, id);
    const isPlain = Object.values(value).every((item) => typeof item !== 'object' || item === null);
    const json = isPlain
      ? JSON.stringify(value)
      : Array.isArray(value)
        ? `[${value.map((item) => this.#write(item)).join(',')}]`
        : `{${Object.entries(value)
            .map(([key, item]) => `${JSON.stringify(key)}:${this.#write(item)}`)
            .join(',')}}`;
    this.#chars += json.length;
    this.#shared.push({ id, isPlain, json });
    return id;
  }
}

/** Reads the parts of a rule set, in the order in which they were written. */
export class PartReader {
  readonly rules: Rule[] = [];
  readonly alerts: AlertRoute[] = [];
  readonly #shared = new Map<unknown, unknown>();

  *read(part: RuleSetPart): Work<void> {
    for (const { id, isPlain, json } of part.shared) {
      this.#shared.set(id, isPlain ? JSON.parse(json) : this.#parse(json));
      yield json.length / (isPlain ? PLAIN_CHARS_PER_STEP : CHARS_PER_STEP);
    }
    for (const json of part.rules) {
      // The writer was given rules; the compiler of the same program made them.
      this.rules.push(this.#parse(json) as Rule);
      yield json.length / CHARS_PER_STEP;
    }
    for (const json of part.alerts) {
      this.alerts.push(this.#parse(json) as AlertRoute);
      yield json.length / CHARS_PER_STEP;
    }
  }

  #parse(json: string): unknown {
    return JSON.parse(json, (_key, value: unknown) => (isTagged(value) ? this.#valueOf(value['@']) : value));
  }

  #valueOf(form: unknown): unknown {
    const [kind, content]: unknown[] = Array.isArray(form) ? form : [];
    if (kind === 'shared' && this.#shared.has(content)) {
      return this.#shared.get(content);
    }
    if (kind === 'set' && Array.isArray(content)) {
      return new Set(content);
    }
    if (kind === 'map' && Array.isArray(content)) {
      return Object.fromEntries(content as [string, unknown][]);
    }
    const field = kind === 'field' && typeof content === 'string' ? fieldNamed(content) : undefined;
    if (field === undefined) {
      throw new TypeError('not a part of a rule set');
    }
    return field;
  }
}

/** Whether an object has the form of what JSON does not have: `{"@": [kind, content]}`. */
function isTagged(value: unknown): value is { '@': unknown } {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, '@') && Object.keys(value).length === 1;
}
