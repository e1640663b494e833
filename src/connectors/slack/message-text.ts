import type { JsonObject, JsonValue } from '../../events/json';

/** Slack advises at most 4,000 characters (page of chat.postMessage, "Truncating content"), and posts longer texts in pieces. */
const MOST_CHARACTERS = 4_000;
/** How far back a text is cut at a line or word rather than in the middle of one. */
const LOOK_BACK_CHARACTERS = 200;

/**
 * A text as Slack takes it in one message: at most 4,000 characters, with an ellipsis where something was left out. It is
 * cut at the end of a line or word if one is near, and never within an escape (`&amp;`), a link (`<https://…|…>`) or a
 * surrogate pair.
 */
export function shortened(text: string): string {
  if (text.length <= MOST_CHARACTERS) {
    return text;
  }
  const whole = text.slice(0, MOST_CHARACTERS - 1).replace(/(?:&[a-z]{0,4}|<[^<>]*|[\ud800-\udbff])$/, '');
  const near = whole.slice(-LOOK_BACK_CHARACTERS).search(/\s\S*$/);
  const cut = near < 0 ? whole : whole.slice(0, whole.length - Math.min(LOOK_BACK_CHARACTERS, whole.length) + near);
  return `${cut.trimEnd()}…`;
}

/**
 * Blocks with `verbatim: true` in every `mrkdwn` text that does not say otherwise. Without it Slack makes links and
 * mentions of bare URLs and names in a text (page of the text object), also of what a caller wrote; `parse: none` covers
 * the message's `text` only.
 */
export function verbatimBlocks(blocks: readonly JsonObject[]): JsonObject[] {
  return blocks.map(verbatimObject);
}

function verbatimObject(object: JsonObject): JsonObject {
  const inside = Object.fromEntries(Object.entries(object).map(([key, value]) => [key, verbatim(value)]));
  return object['type'] === 'mrkdwn' && typeof object['text'] === 'string' ? { verbatim: true, ...inside } : inside;
}

function verbatim(value: JsonValue): JsonValue {
  if (Array.isArray(value)) {
    return value.map(verbatim);
  }
  return typeof value === 'object' && value !== null ? verbatimObject(value) : value;
}
