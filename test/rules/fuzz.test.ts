import { readFileSync } from 'node:fs';
import { explain } from '../../src/rules/tools/explain';
import { formatFindings } from '../../src/yaml/format-findings';
import { testActions } from './catalogue';
import { FAULTY_FILES } from './parse/faulty-files';
import { eventOf, loadTexts } from './load-text';

const SHIPPED = readFileSync('config/rules.yaml', 'utf8');
const WORDS = [
  '{',
  '}',
  '[',
  ']',
  ': ',
  '- ',
  '"',
  "'",
  '{{',
  '}}',
  '{%',
  '|',
  '&a',
  '*a',
  '!!x',
  '\t',
  '\n',
  '  ',
  '#',
  '$sales',
  'null',
  '15551234567',
  '\u0000',
  '\ud800',
  'not',
  'any',
  '__proto__',
  '((',
  '%',
  '>',
  '? ',
  '<<: ',
  '---\n',
  '=',
  '&&',
];

/** A text with a few places changed, the same for the same seed. */
function spoiled(text: string, seed: number): string {
  let state = seed * 2_654_435_761;
  const below = (limit: number): number => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e3779b9) >>> 0;
    return state % Math.max(limit, 1);
  };
  let result = text;
  for (let count = 1 + below(4); count > 0; count -= 1) {
    const at = below(result.length);
    const kind = below(4);
    const word = WORDS[below(WORDS.length)] ?? '';
    if (kind === 0) {
      result = result.slice(0, at) + word + result.slice(at);
    } else if (kind === 1) {
      result = result.slice(0, at) + result.slice(at + 1 + below(12));
    } else if (kind === 2) {
      result = result.slice(0, at) + word + result.slice(at + 1);
    } else {
      const lines = result.split('\n');
      lines.splice(below(lines.length), 1 + below(2), ...lines.slice(below(lines.length)).slice(0, 1));
      result = lines.join('\n');
    }
  }
  return result;
}

const EVENTS = [
  eventOf('call_hangup', {
    id: 'c',
    direction: 'incoming',
    source: { type: 'tel', target: '+15551234567' },
    destination: { type: 'tel', target: '+15559876543' },
    hangup_reason: 'normal',
  }),
  eventOf('message_created', { id: 'm', direction: 'inbound', text: 'hello' }),
  eventOf('recording_updated', { id: 'r', status: 'done' }),
  eventOf('never_heard_of', {}),
];

test('any text is either refused with findings inside the file, or it works', () => {
  const texts = [...Array.from({ length: 250 }, () => SHIPPED), ...FAULTY_FILES.flatMap(({ text }) => [text, text])];
  let taken = 0;
  let refused = 0;
  texts.forEach((original, seed) => {
    const text = spoiled(original, seed + 1);
    const loaded = loadTexts({ 'rules.yaml': text });
    const lines = text.split('\n').length;
    for (const { place, message } of loaded.findings) {
      expect({
        seed,
        inside:
          place.kind === 'file' &&
          (place.file !== 'rules.yaml' || (place.line >= 1 && place.line <= lines && place.column >= 1)),
        said: message.length > 5 && !message.includes('\n'),
      }).toEqual({ seed, inside: true, said: true });
    }
    expect(formatFindings(loaded.findings, () => text)).not.toContain('undefined');
    expect({ seed, ok: loaded.ok }).toEqual({
      seed,
      ok: !loaded.findings.some(({ severity }) => severity === 'error'),
    });
    if (!loaded.ok) {
      refused += 1;
      return;
    }
    taken += 1;
    for (const event of EVENTS) {
      const planned = loaded.ruleSet.plan(event)?.rules.map(({ name }) => name) ?? [];
      const explained = explain(loaded.ruleSet, event, { actions: testActions }).rules.filter(
        ({ outcome }) => outcome === 'runs',
      );
      expect(explained.map(({ rule }) => rule).sort()).toEqual([...planned].sort());
    }
  });
  expect(taken).toBeGreaterThan(20);
  expect(refused).toBeGreaterThan(200);
});
