import type { JsonObject, JsonValue } from '../../events/json';
import type { StepErrorCode } from '../../errors/step-errors';
import { ActionError } from '../action-error';

/** Slack's limits of Block Kit (docs.slack.dev, "Blocks"): beyond them it refuses the whole message without saying where. */
const MOST_BLOCKS = 50;
/**
 * Of all texts in all blocks together. Slack documents no number; users met `msg_blocks_too_long` from about 13,200
 * characters on (slackapi/bolt-js#2509).
 */
const MOST_CHARACTERS_IN_ALL = 13_200;
/** Of all `markdown` blocks of a message together. */
const MOST_MARKDOWN_CHARACTERS = 12_000;

/** A list in a block, and a text, by block type and field; `[]` stands for each element of a list. */
const MOST_ELEMENTS: readonly (readonly [type: string, field: string, most: number, what: string])[] = [
  ['section', 'fields', 10, 'fields'],
  ['context', 'elements', 10, 'elements'],
  ['actions', 'elements', 25, 'elements'],
];
const MOST_CHARACTERS: readonly (readonly [type: string, field: string, most: number])[] = [
  ['section', 'text', 3_000],
  ['section', 'fields[]', 2_000],
  ['header', 'text', 150],
  ['context', 'elements[]', 3_000],
  ['actions', 'elements[].text', 75],
  ['section', 'accessory.text', 75],
  ['image', 'alt_text', 2_000],
  ['image', 'title', 2_000],
  ['image', 'image_url', 3_000],
];

/**
 * @throws ActionError `permanent`, naming the limit, the block and the field, when the rendered blocks go beyond one of
 *   Slack's limits, or a text in them is empty.
 */
export function checkBlocks(blocks: readonly JsonObject[]): void {
  atMost(MOST_BLOCKS, blocks.length, 'blocks', 'in one message');
  blocks.forEach(checkBlock);
  const markdown = blocks
    .filter((block) => block['type'] === 'markdown')
    .map((block) => charactersOf(block['text']) ?? 0);
  atMost(MOST_MARKDOWN_CHARACTERS, sum(markdown), 'characters', 'in the markdown blocks of one message');
  const longest = Math.max(...blocks.map(charactersIn));
  const where = `in all blocks of one message (blocks[${blocks.findIndex((block) => charactersIn(block) === longest)}] is the longest)`;
  atMost(MOST_CHARACTERS_IN_ALL, sum(blocks.map(charactersIn)), 'characters', where);
}

function checkBlock(block: JsonObject, index: number): void {
  const type = typeof block['type'] === 'string' ? block['type'] : '';
  const where = `blocks[${index}]`;
  for (const [of, field, most, what] of MOST_ELEMENTS) {
    const list = block[field];
    if (of === type && Array.isArray(list)) {
      atMost(most, list.length, what, `in ${where}, a ${type}`);
    }
  }
  for (const [of, path, most] of MOST_CHARACTERS) {
    for (const { value, at } of of === type ? valuesAt(block, path) : []) {
      const characters = charactersOf(value);
      atMost(most, characters ?? 0, 'characters', `in ${where}.${at} of a ${type}`);
      if (characters === 0) {
        throw refused('blocks_empty_text', `the rendered ${where}.${at} of a ${type} is empty, which slack refuses`, {
          remedy: 'Give the template a default, or leave the block out of the rule.',
        });
      }
    }
  }
}

/** The values at a path such as `elements[].text`, each with the path to it: `elements[2].text`. */
function valuesAt(value: JsonValue | undefined, path: string): { value: JsonValue; at: string }[] {
  const [, key = '', isList, rest = ''] = /^(\w+)(\[\])?(?:\.(.*))?$/.exec(path) ?? [];
  const inside = typeof value === 'object' && value !== null && !Array.isArray(value) ? value[key] : undefined;
  if (inside === undefined) {
    return [];
  }
  const found =
    isList === undefined
      ? [{ value: inside, at: key }]
      : (Array.isArray(inside) ? inside : []).map((each, index) => ({ value: each, at: `${key}[${index}]` }));
  return rest === ''
    ? found
    : found.flatMap((each) => valuesAt(each.value, rest).map((deep) => ({ ...deep, at: `${each.at}.${deep.at}` })));
}

/** Length of a text, or of a text object (`{ type: mrkdwn, text: … }`); null for anything else, such as an image. */
function charactersOf(value: JsonValue | undefined): number | null {
  const text = typeof value === 'object' && value !== null && !Array.isArray(value) ? value['text'] : value;
  return typeof text === 'string' ? text.length : null;
}

/** All characters that people see in a block: those of every `text` in it. */
function charactersIn(value: JsonValue): number {
  if (Array.isArray(value)) {
    return sum(value.map(charactersIn));
  }
  if (typeof value !== 'object' || value === null) {
    return 0;
  }
  return sum(
    Object.entries(value).map(([key, inside]) =>
      key === 'text' && typeof inside === 'string' ? inside.length : charactersIn(inside),
    ),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}

function atMost(limit: number, found: number, what: string, where: string): void {
  if (found > limit) {
    throw refused('blocks_over_limit', `slack allows ${limit} ${what} ${where}; there are ${found}`, {
      remedy: 'Shorten `blocks` in the rule; `truncate` shortens a value in a template.',
    });
  }
}

function refused(code: StepErrorCode, message: string, { remedy }: { remedy: string }): ActionError {
  return new ActionError('permanent', message, { connection: 'slack', code, remedy });
}
