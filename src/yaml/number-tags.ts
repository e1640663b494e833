import type { CollectionTag, ScalarTag, Tags } from 'yaml';

/**
 * Whole numbers without a plus sign or leading zeros, unlike YAML's own: `+15551234567` and `0821112222` stay texts
 * (reference peers.md D3). Exponents are dropped for the same reason: `1e10` is a text.
 */
const PLAIN_INT = /^-?(?:0|[1-9][0-9]*)$/;
const PLAIN_FLOAT = /^-?(?:0|[1-9][0-9]*)\.[0-9]+$/;

const DROPPED_FORMATS = new Set(['EXP', 'OCT', 'HEX']);

/** YAML's core tags, with numbers restricted to plain decimal notation. Everything else stays a text. */
export function plainNumberTags(core: Tags): Tags {
  return core
    .filter((tag) => !(typeof tag === 'object' && 'format' in tag && DROPPED_FORMATS.has(tag.format ?? '')))
    .map((tag): Tags[number] => {
      if (typeof tag !== 'object' || !isScalarTag(tag)) {
        return tag;
      }
      if (tag.tag === 'tag:yaml.org,2002:int') {
        return { ...tag, test: PLAIN_INT };
      }
      return tag.tag === 'tag:yaml.org,2002:float' && tag.test?.test('1.5') === true
        ? { ...tag, test: PLAIN_FLOAT }
        : tag;
    });
}

function isScalarTag(tag: ScalarTag | CollectionTag): tag is ScalarTag {
  return tag.collection === undefined;
}
