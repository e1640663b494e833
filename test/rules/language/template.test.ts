import type { Sink } from '../../../src/connectors/connector';
import type { JsonValue } from '../../../src/events/json';
import { evaluateCondition } from '../../../src/rules/language/condition';
import { renderInput, TemplateError, type RenderContext } from '../../../src/rules/language/template';
import { answeredAt, eventOf } from '../load-text';
import { MOMENT } from './moment';

const CALL = {
  id: 'c1',
  direction: 'incoming',
  source: { type: 'tel', target: '+821012345678', target_name: '<Kim> & "Co"\r\nBcc: x@example.com' },
  destination: { type: 'extension', target: '1001' },
  hangup_reason: 'normal',
  metadata: { list: ['a', 'b'], campaign: 'spring <sale>', deep: { er: 'yes' } },
  tm_create: '2026-03-01T23:58:55Z',
  tm_progressing: '2026-03-01T23:59:00Z',
  tm_hangup: '2026-03-02T01:00:05Z',
};
const EVENT = eventOf('call_hangup', CALL, [], answeredAt('2026-03-01T23:59:00Z'));

function render(text: string, options: Partial<RenderContext> & { sink?: Sink } = {}): JsonValue | undefined {
  return renderInput(
    { text },
    {
      event: EVENT,
      steps: {},
      timezone: 'Asia/Seoul',
      country: 'KR',
      ...MOMENT,
      sinkOf: () => options.sink ?? 'plain',
      ...options,
    },
  )['text'];
}

describe('variables and filters', () => {
  test.each([
    ['no braces at all', 'no braces at all'],
    ['{{ id }}', 'c1'],
    ['{{ talk_s }}', '3665'],
    ['{{ answered }}', 'true'],
    ['{{ data.metadata.campaign }}', 'spring <sale>'],
    ['{{ data.metadata.list[1] }}', 'b'],
    ['{{ data.metadata.list }}', '["a","b"]'],
    ['{{ text }}', ''],
    ['{{ text | default: "none" }}', 'none'],
    ['{{ data.nothing | default: "none" }}', 'none'],
    ['{{ data.nothing.deeper | default: "none" }}', 'none'],
    ['{{ steps.call.contact.name | default: reason }}', 'normal'],
    ['{{ peer.number | phone }}', '+82 10 1234 5678'],
    ['{{ peer.number | phone: "national" }}', '010-1234-5678'],
    ['{{ "02-1111-2222" | e164 }}', '+82211112222'],
    ['{{ ours.number | phone }}', '1001'],
    ['{{ ours.number | e164 }}', '1001'],
    ['{{ ours.name | phone | default: "nobody" }}', 'nobody'],
    ['{{ peer.number | mask }}', '*********5678'],
    ['{{ ours.number | mask }}', '****'],
    ['{{ talk_s | duration }}', '1 h 01 min'],
    ['{{ ring_s | duration }}', '5 s'],
    ['{{ 125 | duration }}', '2 min 05 s'],
    ['{{ 59.6 | duration }}', '1 min 00 s'],
    ['{{ text | duration | default: "unknown" }}', 'unknown'],
    ['{{ occurred_at | date }}', '2026-03-02 10:00'],
    ['{{ occurred_at | date: "%H:%M" }}', '10:00'],
    ['{{ occurred_at | date: "%H:%M", "America/New_York" }}', '20:00'],
    ['{{ peer.name | upcase | truncate: 5 }}', '<K...'],
    ['{% if text %}with{% else %}without{% endif %}', 'without'],
    ['{% if data.nothing %}with{% else %}without{% endif %}', 'without'],
    ['{% for one in data.metadata.list %}{{ one }},{% endfor %}', 'a,b,'],
    ['{% assign who = peer.number | phone %}{{ who }}', '+82 10 1234 5678'],
  ])('%s', (text, expected) => {
    expect(render(text)).toBe(expected);
  });

  test("dates are in the rule's zone, not in the machine's", () => {
    expect(render('{{ occurred_at | date }}', { timezone: 'America/New_York' })).toBe('2026-03-01 20:00');
    expect(render('{{ occurred_at | date }}', { timezone: 'UTC' })).toBe('2026-03-02 01:00');
  });

  test('results of earlier steps are there under their id', () => {
    expect(
      render('{{ steps.call.contact.name }} {{ steps.call.contact.id }}', {
        steps: { call: { contact: { name: 'Kim', id: 7 } } },
      }),
    ).toBe('Kim 7');
  });
});

describe('a default means the same at any place among the filters', () => {
  const steps = { task: { contact: { name: 'Ada Lovelace', nickname: '', none: null } } };
  test.each([
    ["{{ steps.task.contact.name | first_name | default: 'Herr Kunde' }}", 'Ada'],
    ["{{ steps.task.contact.name | default: 'Herr Kunde' | first_name }}", 'Ada'],
    ["{{ steps.task.contact.none | first_name | default: 'Herr Kunde' }}", 'Herr Kunde'],
    ["{{ steps.gone.contact.name | first_name | default: 'Herr Kunde' }}", 'Herr Kunde'],
    ["{{ steps.gone.contact.name | default: 'ada l' | first_name | capitalize }}", 'Ada'],
    ["{{ steps.gone.contact.name | first_name | default: 'you' | upcase }}", 'YOU'],
    ["{{ steps.task.contact.nickname | upcase | default: 'none' }}", 'none'],
    ["{{ data.nothing | append: ' EUR' | default: 'no price' }}", 'no price'],
    ["{{ data.nothing | plus: 1 | times: 2 | default: 'no number' }}", 'no number'],
    ["{{ data.nothing | size | default: 'none' }}", 'none'],
    ["{{ data.nothing | split: ',' | first | default: 'none' }}", 'none'],
    ["{{ text | default: 'a' | append: 'b' | default: 'c' }}", 'ab'],
    ["{{ text | append: 'b' | default: nil | append: 'c' | default: 'd' }}", 'd'],
    ["{{ data.metadata.list | first | upcase | default: 'none' }}", 'A'],
    ["{{ '  ' | strip | default: 'blank' }}", 'blank'],
    ["{{ '' | append: 'x' | default: 'y' }}", 'x'],
    ["{% assign who = data.nothing | upcase | default: 'nobody' %}{{ who }}", 'nobody'],
    ["{% echo data.nothing | upcase | default: 'nobody' %}", 'nobody'],
    ['{% if id %}{% for n in (1..2) %}{{ data.nothing | upcase | default: n }}{% endfor %}{% endif %}', '12'],
    ["{% if reason == 'busy' %}{% else %}{{ data.nothing | upcase | default: 'else' }}{% endif %}", 'else'],
    ["{% case reason %}{% when 'normal' %}{{ data.nothing | upcase | default: 'case' }}{% endcase %}", 'case'],
  ])('%s', (text, expected) => {
    expect(render(text, { steps })).toBe(expected);
    // Parsed templates are cached.
    expect(render(text, { steps })).toBe(expected);
  });

  test('without one, an absent variable is an error as before', () => {
    expect(() => render('{{ data.nothing | upcase }}')).toThrow(TemplateError);
    expect(() => render("{{ data.nothing | upcase }}{{ text | upcase | default: 'x' }}")).toThrow(TemplateError);
  });

  test('a value that is false is none that is absent', () => {
    expect(
      render("{{ data.off | json | default: 'x' }}", { event: eventOf('call_hangup', { id: 'c', off: false }) }),
    ).toBe('false');
  });
});

describe('first_name', () => {
  test.each([
    ['Ada Lovelace', 'Ada'],
    ['Lovelace, Ada', 'Ada'],
    ['Frau Dr. Petra Meyer', 'Petra'],
    ['Zoë', 'Zoë'],
    ['김민수', '김민수'],
    ['김 민수', '김 민수'],
    ['王小明', '王小明'],
    ['山田 太郎', '山田 太郎'],
    ['さくら', 'さくら'],
    ['Kim Min-su', 'Kim'],
    ['+49 160 1112299', 'you'],
    ['0160/1112299', 'you'],
    ['(030) 555-0100', 'you'],
    ['12345', 'you'],
    ['???', 'you'],
    ['', 'you'],
  ])('of %p', (name, expected) => {
    const steps = { task: { contact: { name } } };
    expect(render("{{ steps.task.contact.name | first_name | default: 'you' }}", { steps })).toBe(expected);
  });
});

describe('values are escaped for where the text goes, the text itself is not', () => {
  const text = '<b>{{ peer.name }}</b>';
  test.each<[Sink, string]>([
    ['plain', '<b><Kim> & "Co"\r\nBcc: x@example.com</b>'],
    ['html', '<b>&lt;Kim&gt; &amp; &quot;Co&quot;<br>\nBcc: x@example.com</b>'],
    ['slack', '<b>&lt;Kim&gt; &amp; "Co"\r\nBcc: x@example.com</b>'],
    ['header', '<b><Kim> & "Co" Bcc: x@example.com</b>'],
    ['url', '<b>%3CKim%3E%20%26%20%22Co%22%0D%0ABcc%3A%20x%40example.com</b>'],
    ['json', '<b><Kim> & "Co"\r\nBcc: x@example.com</b>'],
  ])('%s', (sink, expected) => {
    expect(render(text, { sink })).toBe(expected);
  });

  test('also through echo, assign and filters; raw does not exist', () => {
    expect(render('{% echo peer.name %}', { sink: 'slack' })).toBe('&lt;Kim&gt; &amp; "Co"\r\nBcc: x@example.com');
    expect(render('{% assign a = peer.name %}{{ a | downcase }}', { sink: 'slack' })).toContain('&lt;kim&gt;');
    expect(() => render('{{ peer.name | raw }}')).toThrow(TemplateError);
  });

  test('half a character pair cannot stop a URL from being made', () => {
    const event = eventOf('message_created', { id: 'm', text: 'a\ud83d' });
    expect(render('{{ text }}', { event, sink: 'url' })).toBe('a%EF%BF%BD');
  });
});

describe('line breaks in HTML', () => {
  const event = eventOf('message_created', { id: 'm', text: 'one\ntwo <3 & three\r\nfour' });
  const inHtml = (text: string): JsonValue | undefined => render(text, { event, sink: 'html' });

  test('those of an inserted value are kept, after escaping', () => {
    expect(inHtml('<p>{{ text }}</p>')).toBe('<p>one<br>\ntwo &lt;3 &amp; three<br>\nfour</p>');
    expect(inHtml('{{ text }}')).toBe('one<br>\ntwo &lt;3 &amp; three<br>\nfour');
  });

  test.each(['newline_to_br', 'escape', 'escape_once', 'xml_escape', 'escape | newline_to_br'])(
    '%s does not make customers read tags or entities',
    (filter) => {
      expect(inHtml(`<p>{{ text | ${filter} }}</p>`)).toBe('<p>one<br>\ntwo &lt;3 &amp; three<br>\nfour</p>');
    },
  );

  test('a text without tags is plain text to its author: its own line breaks are kept, too', () => {
    expect(inHtml('From {{ id }}\n{{ text }}\n')).toBe('From m<br>\none<br>\ntwo &lt;3 &amp; three<br>\nfour');
    expect(inHtml('no variable\nat all\n')).toBe('no variable<br>\nat all');
    expect(inHtml('<p>\n{{ id }}\n</p>')).toBe('<p>\nm\n</p>');
  });

  test('elsewhere they stay what they are', () => {
    expect(render('{{ text }}', { event, sink: 'plain' })).toBe('one\ntwo <3 & three\r\nfour');
    expect(render('{{ text }}', { event, sink: 'slack' })).toBe('one\ntwo &lt;3 &amp; three\r\nfour');
  });
});

test.each<Sink>(['plain', 'html', 'slack', 'json', 'url', 'header'])(
  'no provider is sent half a character or a control character: %s',
  (sink) => {
    const event = eventOf('message_created', {
      id: 'm',
      text: 'a\u0000b\ud83dc\u001b[1m\udfff\u0007\ttab',
      list: ['x\u0000\ud800'],
    });
    const text = render('{{ text }}', { event, sink });
    expect(text).not.toMatch(/(?![\t\n])[\p{Cc}\p{Surrogate}]|%0[07]|%1B/u);
    expect(text).toMatch(sink === 'url' ? /^ab%EF%BF%BDc/ : /^ab\ufffdc/);
    expect(render('{{ data.list }}', { event, sink, accepts: () => true })).toEqual(
      ['x\ufffd'].map((one) => (sink === 'url' ? encodeURIComponent(one) : one)),
    );
  },
);

test.each<[Sink, string, string]>([
  ['slack', '{{ peer.name | escape }}', '&lt;Kim&gt; &amp; "Co"\r\nBcc: x@example.com'],
  ['url', '{{ data.metadata.campaign | url_encode }}', 'spring%20%3Csale%3E'],
  ['url', '{{ data.metadata.campaign | cgi_escape }}', 'spring%20%3Csale%3E'],
  ['plain', '{{ data.metadata.campaign | url_encode }}', 'spring+%3Csale%3E'],
  ['plain', '{{ data.metadata.campaign | escape }}', 'spring &lt;sale&gt;'],
])('nothing is escaped twice: %s, %s', (sink, text, expected) => {
  expect(render(text, { sink })).toBe(expected);
});

describe('a template alone in a text, where the input is sent as JSON', () => {
  const typed = (text: string, options: Parameters<typeof render>[1] = {}): JsonValue | undefined =>
    render(text, { sink: 'json', accepts: () => true, ...options });

  test.each<[string, JsonValue]>([
    ['{{ talk_s }}', 3665],
    ['{{ talk_s }}\n', 3665],
    ['{{ talk_s | divided_by: 60.0 | round: 1 }}', 61.1],
    ['{{ answered }}', true],
    ['{{ ours.name }}', null],
    ['{{ ours.name | default: nil }}', null],
    ['{{ data.nothing | default: nil }}', null],
    ['{{ data.nothing }}', null],
    ['{{ data.nothing.deeper }}', null],
    ['{{ data.nothing | default: 0 }}', 0],
    ['{{ data.nothing | default: empty }}', ''],
    ['{{ data.metadata.list }}', ['a', 'b']],
    ['{{ data.metadata }}', { list: ['a', 'b'], campaign: 'spring <sale>', deep: { er: 'yes' } }],
    ['{{ data.metadata.campaign }}', 'spring <sale>'],
    ['{{ 1 | divided_by: 0 }}', null],
    ['{{ talk_s | append: "" }}', '3665'],
    ['{{ talk_s }} s', '3665 s'],
    ['{{ talk_s }}{{ ring_s }}', '36655'],
    ['{% if answered %}{{ talk_s }}{% endif %}', '3665'],
  ])('%s', (text, expected) => {
    expect(typed(text)).toEqual(expected);
  });

  test('in a longer text, nil is nothing', () => {
    expect(typed('[{{ ours.name | default: nil }}]')).toBe('[]');
    expect(render('{{ ours.name | default: nil }}')).toBe('');
  });

  test('elsewhere values are texts, but for lists and maps that the input may hold; their texts are escaped', () => {
    const accepts = (): boolean => true;
    expect(render('{{ talk_s }}', { sink: 'slack', accepts })).toBe('3665');
    expect(render('{{ data.metadata }}', { sink: 'slack', accepts })).toEqual({
      list: ['a', 'b'],
      campaign: 'spring &lt;sale&gt;',
      deep: { er: 'yes' },
    });
    expect(render('{{ data.metadata.list }}', { accepts: () => false })).toBe('["a","b"]');
  });
});

test('every text of an input is rendered, keys and other values are not, and each by its own sink', () => {
  const input = {
    channel: '#c',
    text: '{{ peer.name }}',
    url: 'https://example.com/{{ peer.name }}',
    blocks: [{ type: 'section', '{{ id }}': { text: '{{ id }}' }, n: 5, on: true, none: null }],
  };
  const rendered = renderInput(input, {
    event: EVENT,
    steps: {},
    timezone: 'UTC',
    country: null,
    ...MOMENT,
    sinkOf: (name) => (name === 'url' ? 'url' : 'header'),
  });
  expect(rendered).toEqual({
    channel: '#c',
    text: '<Kim> & "Co" Bcc: x@example.com',
    url: 'https://example.com/%3CKim%3E%20%26%20%22Co%22%0D%0ABcc%3A%20x%40example.com',
    blocks: [{ type: 'section', '{{ id }}': { text: 'c1' }, n: 5, on: true, none: null }],
  });
});

describe('what cannot be rendered', () => {
  const where = { rule: 'r', step: 's' };
  test.each([
    [
      'an absent variable without default',
      '\nfrom {{ data.nothing }}',
      'rule "r", step "s", input "text" cannot be rendered: a variable is absent at line 2, column 9 and has no default',
    ],
    [
      'a template that is none',
      '{{ id ',
      'rule "r", step "s", input "text" cannot be rendered: it is not a valid template at line 1, column 1',
    ],
    [
      'an unknown filter',
      '{{ id | nope }}',
      'rule "r", step "s", input "text" cannot be rendered: it is not a valid template at line 1, column 1',
    ],
    [
      'a loop without end',
      '{% for a in (1..100000000) %}x{% endfor %}',
      'rule "r", step "s", input "text" cannot be rendered: it takes too much time or memory',
    ],
    [
      'loops within loops',
      '{% for a in (1..9999) %}{% for b in (1..9999) %}xxxxxxxxxxxx{% endfor %}{% endfor %}',
      'rule "r", step "s", input "text" cannot be rendered: it takes too much time or memory',
    ],
    [
      'a file',
      "{% include '/etc/passwd' %}",
      'rule "r", step "s", input "text" cannot be rendered: it is not a valid template at line 1, column 1',
    ],
    [
      'a file by another tag',
      "{% render '/etc/passwd' %}",
      'rule "r", step "s", input "text" cannot be rendered: it is not a valid template at line 1, column 1',
    ],
    [
      'inherited members',
      '{{ data.constructor }}',
      'rule "r", step "s", input "text" cannot be rendered: a variable is absent at line 1, column 4 and has no default',
    ],
  ])('%s', (_, text, message) => {
    expect(() => render(text, where)).toThrow(new TemplateError(message));
  });

  test('says nothing of the event, whatever fails', () => {
    const secrets = ['+821012345678', 'Kim', 'spring'];
    for (const text of [
      '{{ data[peer.number] }}',
      '{{ data.metadata[data.metadata.campaign].x }}',
      '{{ peer.name | date: peer.name | nope }}',
      '{{ peer.name | slice: "a", "b" }}{{ data.none }}',
    ]) {
      let message = '';
      try {
        render(text);
      } catch (error) {
        message =
          error instanceof TemplateError
            ? `${error.message} ${error.stack ?? ''} ${String(error.cause)}`
            : 'another error';
      }
      expect(message).toContain('cannot be rendered');
      for (const secret of secrets) {
        expect(message).not.toContain(secret);
      }
    }
  });
});

describe('a condition of a step', () => {
  const evaluate = (expression: string, steps: Record<string, JsonValue> = {}) =>
    evaluateCondition(expression, { event: EVENT, steps, country: null });
  test.each([
    ['has(steps.call)', {}, false],
    ['has(steps.call)', { call: { id: 1 } }, true],
    ['steps.call.id > 0', { call: { id: 1 } }, true],
    ['steps.call.id > 0', {}, false],
    ['steps["hubspot.log_call#1"].id == "x"', { 'hubspot.log_call#1': { id: 'x' } }, true],
    ['answered && talk_s > 60', {}, true],
    ['text == null || text == ""', {}, true],
  ])('%s', (expression, steps, expected) => {
    expect(evaluate(expression, steps)).toBe(expected);
  });

  test.each([
    ['talk_s', 'the condition is neither true nor false'],
    ['peer.name > 5', 'the condition compares values that cannot be compared'],
    ['int(peer.name) > 5', 'the condition compares values that cannot be compared'],
    ['talk_s >', 'the condition is not a valid CEL expression'],
  ])('%s fails without telling the value', (expression, message) => {
    expect(() => evaluate(expression)).toThrow(new TemplateError(message));
  });
});
