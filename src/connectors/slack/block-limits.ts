import type { JsonObject, JsonValue } from '../../events/json';
import { ActionError } from '../action-error';

/**
 * Slack's limits of Block Kit (docs.slack.dev, "Blocks"): beyond them it refuses the whole message without saying
 * where.
 */
const MOST_BLOCKS = 50;
const MOST_CHARACTERS: Readonly<Record<string, number>> = { section: 3_000, header: 150 };
const MOST_FIELDS = 10;
const MOST_FIELD_CHARACTERS = 2_000;
const MOST_CONTEXT_ELEMENTS = 10;

/**
 * @throws ActionError `permanent`, naming the limit and the block, when the rendered blocks go beyond one of Slack's
 *   limits.
 */
export function checkBlocks(blocks: readonly JsonObject[]): void {
  atMost(MOST_BLOCKS, blocks.length, 'blocks', 'in one message');
  blocks.forEach((block, index) => {
    const type = typeof block['type'] === 'string' ? block['type'] : '';
    const where = `in blocks[${index}]`;
    const most = MOST_CHARACTERS[type];
    if (most !== undefined) {
      atMost(most, charactersOf(block['text']), 'characters', `${where}, a ${type}`);
    }
    const { fields, elements } = block;
    if (type === 'section' && Array.isArray(fields)) {
      atMost(MOST_FIELDS, fields.length, 'fields', where);
      fields.forEach((field, at) =>
        atMost(MOST_FIELD_CHARACTERS, charactersOf(field), 'characters', `${where}.fields[${at}]`),
      );
    }
    if (type === 'context' && Array.isArray(elements)) {
      atMost(MOST_CONTEXT_ELEMENTS, elements.length, 'elements', where);
    }
  });
}

/** Length of a text object, `{ type: mrkdwn, text: … }`. */
function charactersOf(value: JsonValue | undefined): number {
  const text = typeof value === 'object' && value !== null && !Array.isArray(value) ? value['text'] : undefined;
  return typeof text === 'string' ? text.length : 0;
}

function atMost(limit: number, found: number, what: string, where: string): void {
  if (found > limit) {
    throw new ActionError('permanent', `slack allows ${limit} ${what} ${where}; there are ${found}`, {
      connection: 'slack',
      code: 'blocks_over_limit',
      remedy: 'Shorten `blocks` in the rule; `truncate` shortens a value in a template.',
    });
  }
}
