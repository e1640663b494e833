/** Operators or functions of CEL that belong together, for the documentation. A test compares them with what CEL has. */
export interface CelWords {
  words: readonly string[];
  /** CEL's own names of them, where they are not the words: `_==_`. */
  functions?: readonly string[];
  meaning: string;
  /** A condition. */
  example: string;
}

/** Everything that an expression may be made of, in the order of the documentation. */
export const CEL_DOCS: readonly CelWords[] = [
  {
    words: ['&&', '||', '!'],
    functions: ['!_'],
    meaning: 'And, or, not.',
    example: 'answered == false && !picked_up',
  },
  {
    words: ['==', '!='],
    functions: ['_==_', '_!=_'],
    meaning: 'Equal, not equal. With `null`: absent, present.',
    example: 'reason != "busy"',
  },
  {
    words: ['<', '<=', '>', '>='],
    functions: ['_<_', '_<=_', '_>_', '_>=_'],
    meaning: 'Less, greater; of times and durations: earlier, later.',
    example: 'ring_s >= 20',
  },
  {
    words: ['+', '-', '*', '/', '%'],
    functions: ['_+_', '_-_', '_*_', '_/_', '_%_', '-_'],
    meaning: 'Arithmetic; `+` also joins texts and lists.',
    example: 'duration_s - ring_s < 60',
  },
  {
    words: ['? :'],
    functions: [],
    meaning: 'One of two values.',
    example: '(picked_up == true ? talk_s : ring_s) > 20',
  },
  {
    words: ['in'],
    functions: ['@in'],
    meaning: 'An item of a list, or a key of a map.',
    example: 'reason in ["cancel", "noanswer"]',
  },
  {
    words: ['[…]'],
    functions: [],
    meaning: 'An item, counted from 0, or the value of a key.',
    example: 'data.tags[0] == "gold"',
  },
  {
    words: ['contains', 'startsWith', 'endsWith'],
    meaning: 'A text has another one in it, at its beginning, at its end. Upper and lower case differ.',
    example: 'data.note.contains("refund")',
  },
  {
    words: ['matches'],
    meaning:
      'A text matches a regular expression (RE2); `(?i)` ignores case, and in `r"…"` a backslash is a backslash.',
    example: 'data.note.matches(r"(?i)\\bREFUND\\b")',
  },
  {
    words: ['size'],
    meaning: 'The length of a text, list or map.',
    example: 'size(data.tags) == 2 && data.note.size() < 160',
  },
  { words: ['has'], functions: [], meaning: 'Whether a map has a key.', example: 'has(data.metadata.campaign)' },
  {
    words: ['all', 'exists', 'exists_one', 'existsOne'],
    functions: [],
    meaning: 'Whether a condition is met by all, any or exactly one item of a list. No loop inside another.',
    example: 'data.tags.exists(tag, tag.startsWith("go"))',
  },
  {
    words: ['filter', 'map'],
    functions: [],
    meaning: 'The items that meet a condition, or what is made of each item.',
    example: 'data.tags.filter(tag, tag != "gold").size() == 1',
  },
  {
    words: ['int', 'uint', 'double', 'string', 'bool', 'bytes'],
    meaning: 'The value as another type: a text as a number, a number as a text.',
    example: 'int(data.amount) > 100',
  },
  {
    words: ['timestamp', 'duration'],
    meaning: 'A text as a time or a duration (`h`, `m`, `s`), to calculate with.',
    example: 'timestamp(received_at) - timestamp(occurred_at) < duration("1h")',
  },
  {
    words: ['getFullYear', 'getMonth', 'getDate', 'getDayOfMonth', 'getDayOfWeek', 'getDayOfYear'],
    meaning:
      'A part of a date, in UTC or in the zone that is named. `getDate` counts from 1, the others from 0: January is 0, Sunday is 0.',
    example: 'timestamp(occurred_at).getDayOfWeek("Asia/Seoul") == 1',
  },
  {
    words: ['getHours', 'getMinutes', 'getSeconds', 'getMilliseconds'],
    meaning:
      'A part of a time, in UTC or in the zone that is named; of a duration without a zone: all its hours, minutes, and so on.',
    example: 'timestamp(occurred_at).getHours("Asia/Seoul") >= 9',
  },
  {
    words: ['type', 'dyn'],
    meaning: 'The type of a value; a value whose type is not checked.',
    example: 'type(data.amount) == string',
  },
];
