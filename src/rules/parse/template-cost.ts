import { ForTag, toValueSync, TypeGuards, type Template, type Token } from 'liquidjs';
import { canonicalize } from '../../events/canonicalize';
import type { JsonObject } from '../../events/json';
import { isSpent, measured, TEMPLATE_STEPS } from '../language/budget';
import { FixedMoment } from '../language/fixed-filters';
import { engineFor, parseCached, parseTemplate } from '../language/liquid';
import { MeteredContext, NODE_STEPS } from '../language/liquid-budget';
import { variablesOf } from '../language/scope';

/** The steps of all renderings of one file: about a second, however many loops it has. */
const STEPS_OF_A_FILE = 3_000_000;

const LOOP = /\{%-?\s*for\b/;

/** Why a template takes too many steps for every event; row and column from 1. */
export interface CostProblem {
  message: string;
  row: number;
  column: number;
}

/** Finds templates that take too many steps even for a small event. */
export class TemplateCosts {
  #left = STEPS_OF_A_FILE;

  /** @returns null also for a text that is not a template, and for one whose cost depends on the event. */
  problemOf(text: string): CostProblem | null {
    const parsed = LOOP.test(text) ? parseTemplate(text) : null;
    if (parsed?.ok !== true) {
      return null;
    }
    const loop = endlessLoop(parsed.templates, 1);
    if (loop !== null) {
      return loop;
    }
    if (this.#left < TEMPLATE_STEPS) {
      return null;
    }
    const { result, used } = measured(TEMPLATE_STEPS, () => isOverBudget(text));
    this.#left -= used;
    return result ? { message: 'the text takes too many steps for any event', row: 1, column: 1 } : null;
  }
}

/** The first loop over a range of numbers that runs too often. @param times how often the loops around it run. */
function endlessLoop(templates: readonly Template[], times: number): CostProblem | null {
  for (const template of templates) {
    const count = template instanceof ForTag ? iterationsOf(template) : null;
    const runs = times * (count ?? 1);
    if (count !== null && runs * NODE_STEPS > TEMPLATE_STEPS) {
      const [row = 1, column = 1] = template.token.getPosition();
      const most = Math.floor(TEMPLATE_STEPS / NODE_STEPS).toLocaleString('en-US');
      return { message: `the loop runs ${runs.toLocaleString('en-US')} times; ${most} is the most`, row, column };
    }
    const children: unknown = template.children === undefined ? [] : toValueSync(template.children(false, true));
    const inner = endlessLoop(Array.isArray(children) ? (children as Template[]) : [], runs);
    if (inner !== null) {
      return inner;
    }
  }
  return null;
}

/** How often `{% for i in (1..100) limit: 10 %}` runs; null when that depends on the event. */
function iterationsOf(loop: ForTag): number | null {
  const { collection, hash } = loop;
  const from = TypeGuards.isRangeToken(collection) ? numberOf(collection.lhs) : null;
  const to = TypeGuards.isRangeToken(collection) ? numberOf(collection.rhs) : null;
  const limit = numberOf(hash.hash['limit']);
  return from === null || to === null ? null : Math.max(0, Math.min(to - from + 1, limit ?? Number.POSITIVE_INFINITY));
}

function numberOf(token: Token | undefined): number | null {
  return token !== undefined && TypeGuards.isNumberToken(token) ? token.content : null;
}

/** Renders a template with an event that has a short text for every value that the template names. */
function isOverBudget(text: string): boolean {
  const engine = engineFor('UTC', null, 'plain');
  const moment = new FixedMoment({ now: new Date(0), seed: '' });
  const context = new MeteredContext(smallEvent(text), engine.liquid, moment);
  context.strictVariables = false;
  try {
    engine.liquid.renderSync(parseCached(engine, text), context);
  } catch {
    // What else is wrong with a template is reported where it is checked.
  }
  return isSpent();
}

const SMALL_EVENT = canonicalize({ type: 'call_hangup', data: { id: 'x' } }, Buffer.from(''), new Date(0), {
  has: () => false,
});

/** Variables with a value for every path under `data` that a text names. */
function smallEvent(text: string): JsonObject {
  const data: JsonObject = {};
  for (const [path] of text.matchAll(/\bdata(?:\.[\w-]+)+/g)) {
    const names = path.split('.').slice(1);
    let parent = data;
    names.forEach((name, index) => {
      const known = Object.hasOwn(parent, name) ? parent[name] : undefined;
      const isLast = index === names.length - 1;
      const next: JsonObject = typeof known === 'object' && known !== null && !Array.isArray(known) ? known : {};
      Object.defineProperty(parent, name, {
        value: isLast ? (known ?? 'x') : next,
        enumerable: true,
        configurable: true,
        writable: true,
      });
      parent = next;
    });
  }
  return { ...variablesOf({ event: SMALL_EVENT, steps: {} }), data };
}
