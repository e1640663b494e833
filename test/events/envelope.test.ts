import { parseEnvelope } from '../../src/events/envelope';

function parse(body: string | Buffer) {
  return parseEnvelope(Buffer.isBuffer(body) ? body : Buffer.from(body));
}

function nested(depth: number): string {
  return `{"type":"x","data":{"a":${'['.repeat(depth - 2)}${']'.repeat(depth - 2)}}}`;
}

describe('envelope', () => {
  test.each([
    ['plain', '{"type":"call_hangup","data":{"id":"a"}}'],
    ['with a byte order mark', '\uFEFF{"type":"call_hangup","data":{"id":"a"}}'],
    ['with space around', ' \r\n{"type":"call_hangup","data":{"id":"a"}}\n'],
    ['with more members', '{"data":{"id":"a"},"type":"call_hangup","version":2}'],
    ['the last of two equal keys', '{"type":"x","type":"call_hangup","data":{"id":"a"}}'],
  ])('is read: %s', (_, body) => {
    expect(parse(body)).toEqual({ ok: true, envelope: { type: 'call_hangup', data: { id: 'a' } } });
  });

  test.each([
    ['', 'empty'],
    [' ', 'not_json'],
    ['{', 'not_json'],
    ['+15551234567 called', 'not_json'],
    ['type=call_hangup', 'not_json'],
    ['{"type":"a","data":{}} x', 'not_json'],
    ['{"type":"a\u0000","data":{}}', 'not_json'],
    ['\u0000', 'not_json'],
    ['null', 'no_envelope'],
    ['7', 'no_envelope'],
    ['"text"', 'no_envelope'],
    ['[{"type":"a","data":{}}]', 'no_envelope'],
    ['{}', 'no_envelope'],
    ['{"type":"a"}', 'no_envelope'],
    ['{"data":{}}', 'no_envelope'],
    ['{"type":"","data":{}}', 'no_envelope'],
    ['{"type":7,"data":{}}', 'no_envelope'],
    ['{"type":null,"data":{}}', 'no_envelope'],
    ['{"type":"a","data":[]}', 'no_envelope'],
    ['{"type":"a","data":null}', 'no_envelope'],
    ['{"type":"a","data":"b"}', 'no_envelope'],
    [nested(101), 'too_deep'],
    ['['.repeat(5_000_000), 'too_deep'],
    ['{"a":'.repeat(1_000_000), 'too_deep'],
    [`[${'[],'.repeat(130_000)}0]`, 'too_many_values'],
    [`[${'1,'.repeat(250_001)}0]`, 'too_many_values'],
    [`{${'"a":{"b":1},'.repeat(130_000)}"c":1}`, 'too_many_values'],
  ])('%.40j is refused: %s', (body, reason) => {
    const result = parse(body);
    expect(result).toMatchObject({ ok: false, reason });
    expect(JSON.stringify(result)).not.toContain('1555');
  });

  test('bytes that are no UTF-8 are no reason to crash', () => {
    expect(parse(Buffer.from([0xff, 0xfe, 0x00, 0x80]))).toMatchObject({ ok: false, reason: 'not_json' });
    expect(
      parse(Buffer.concat([Buffer.from('{"type":"a","data":{"x":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}}')]))
        .ok,
    ).toBe(true);
  });

  test('a long text is one value, whatever is in it, and long lists are read', () => {
    expect(parse(`{"type":"x","data":{"text":"${'[{,'.repeat(300_000)}"}}`).ok).toBe(true);
    expect(parse(`{"type":"x","data":{"numbers":[${'1000,'.repeat(240_000)}0]}}`).ok).toBe(true);
  });

  test('depth counts brackets, not those in texts', () => {
    expect(parse(nested(100)).ok).toBe(true);
    expect(parse(`{"type":"x","data":{"wide":[${'[{}],'.repeat(500)}0]}}`).ok).toBe(true);
    expect(parse(`{"type":"x","data":{"text":"${'['.repeat(500)}\\"${'{'.repeat(500)}\\\\"}}`)).toMatchObject({
      ok: true,
    });
  });

  test('lone surrogates and NUL escapes pass', () => {
    expect(parse('{"type":"a","data":{"x":"\\ud800\\u0000"}}')).toEqual({
      ok: true,
      envelope: { type: 'a', data: { x: '\ud800\u0000' } },
    });
  });

  test.each([
    '{"type":"a","data":{"__proto__":{"polluted":true},"b":1}}',
    '{"type":"a","data":{"\\u005f_proto__":{"polluted":true},"b":1}}',
    '{"type":"a","data":{"constructor":{"prototype":{"polluted":true}},"b":1}}',
  ])('%s changes no prototype, also when it is copied', (body) => {
    const result = parse(body);
    expect(result).toEqual({ ok: true, envelope: { type: 'a', data: { b: 1 } } });
    const copy = Object.assign({}, result.ok ? result.envelope.data : {});
    expect('polluted' in copy).toBe(false);
    expect('polluted' in {}).toBe(false);
  });
});
