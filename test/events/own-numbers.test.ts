import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCountries, getCountryCallingCode } from 'libphonenumber-js/min';
import { canonicalize } from '../../src/events/canonicalize';
import { parseEnvelope } from '../../src/events/envelope';
import type { JsonObject } from '../../src/events/json';
import { ownNumbersIn, OwnNumbers } from '../../src/events/own-numbers';
import { toE164 } from '../../src/events/phone';

describe('our numbers', () => {
  test('are known in any format', () => {
    const ours = new OwnNumbers(['+15559876543', '02-312-3456', '88000', ' '], 'KR');
    expect(
      ['+15559876543', '+1 (555) 987-6543', '0082 2 312 3456', '+8223123456', '88000'].map((number) =>
        ours.has(number),
      ),
    ).toEqual([true, true, true, true, true]);
    expect(['+15551234567', '', 'anonymous', '15559876543', 'constructor'].map((number) => ours.has(number))).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(ours.all().slice(0, 2)).toEqual(['+15559876543', '+8223123456']);
    expect(new OwnNumbers(['88000', '+15559876543'], null).all()).toEqual(['88000', '+15559876543']);
  });

  test('are learnt once; what is no number is not', () => {
    const ours = new OwnNumbers(['+15559876543'], null);
    expect(ours.learn('+1 555 123 4567')).toBe(true);
    expect(ours.learn('+15551234567')).toBe(false);
    expect(ours.learn('+15559876543')).toBe(false);
    expect(ours.learn('anonymous')).toBe(false);
    expect(ours.has('+15551234567')).toBe(true);
    expect(ours.all()).toEqual(['+15559876543', '+15551234567']);
  });

  test.each(['+5215512345678', '+551181234567', '+22997123456', '+22541234567', '+390612345678', '+5411154567890'])(
    'are known in the form of an earlier numbering plan, or with a prefix of the country: %s',
    (written) => {
      const today = toE164(written, null) ?? '';
      expect(new OwnNumbers([today], null).has(written)).toBe(true);
      expect(new OwnNumbers([written], null).has(today)).toBe(true);
      expect(new OwnNumbers([`${today.slice(0, -1)}${(Number(today.at(-1)) + 1) % 10}`], null).has(written)).toBe(
        false,
      );
    },
  );

  test('are known in every numbering plan, with any digits that the plan takes', () => {
    const written = getCountries().flatMap((country) =>
      [5, 6, 7, 8, 9, 10, 11].flatMap((length) =>
        ['0', '1', '2', '4', '5', '6', '7', '8', '9', '15', '044', '045'].map(
          (begin) => `+${getCountryCallingCode(country)}${`${begin}2345678901`.slice(0, length)}`,
        ),
      ),
    );
    const known = written.flatMap((text) => {
      const number = toE164(text, null);
      return number === null ? [] : [[text, number] as const];
    });
    expect(known.filter(([text, number]) => text !== number).length).toBeGreaterThan(100);
    expect(known.filter(([text, number]) => !new OwnNumbers([number], null).has(text))).toEqual([]);
  });

  test('are bounded: beyond ten thousand the one learnt longest ago goes, never a configured one', () => {
    const ours = new OwnNumbers(['+15559876543'], null);
    const number = (index: number) => `+1202${String(2_000_000 + index)}`;
    for (let index = 0; index < 10_000; index += 1) {
      ours.learn(number(index));
    }
    expect(ours.all()).toHaveLength(10_001);
    ours.learn(number(0));
    expect(ours.learn(number(10_000))).toBe(true);
    expect(ours.all()).toHaveLength(10_001);
    expect([ours.has(number(0)), ours.has(number(1)), ours.has(number(10_000)), ours.has('+15559876543')]).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });
});

function event(name: string, change: (data: JsonObject) => void = () => undefined, type?: string) {
  const parsed = parseEnvelope(readFileSync(join(__dirname, '../../config/samples', `${name}.json`)));
  if (!parsed.ok) {
    throw new Error(parsed.message);
  }
  change(parsed.envelope.data);
  return canonicalize(
    { ...parsed.envelope, ...(type === undefined ? {} : { type }) },
    Buffer.from(name),
    new Date(),
    new OwnNumbers([], null),
  );
}

describe('an event teaches', () => {
  const tel = (target: string) => ({ type: 'tel', target });
  test.each([
    ['where an inbound call went', event('call_hungup'), ['+821100000001']],
    ['where an inbound text went', event('message_created'), ['+15559876543']],
    ['where its twin went', event('conversation_message_created'), ['+15559876543']],
    ['what our text was sent from', event('message_created_outbound'), ['+15559876543']],
    [
      'what our call was made from',
      event('call_hungup', (data) => Object.assign(data, { direction: 'outgoing' })),
      ['+821100000002'],
    ],
    ['nothing by a further leg, which shows the caller', event('call_ringing'), []],
    ['nothing without a direction of its own: it was inferred', event('message_created_page'), []],
    ['nothing by the curl sample', event('call_hungup_curl'), []],
    [
      'nothing by an end that is no phone',
      event('message_created', (data) =>
        Object.assign(data, { targets: [{ destination: { type: 'line', target: '+15559876543' } }] }),
      ),
      [],
    ],
    ['nothing by a webchat', event('webchat_message_created'), []],
    ['nothing by a recording', event('recording_finished'), []],
    [
      'a number that VoIPBIN says we have',
      event(
        'call_hungup',
        (data) => Object.assign(data, { number: '+15550001111', source: tel('+1') }),
        'number_created',
      ),
      ['+15550001111'],
    ],
    [
      'nothing by one that is gone',
      event('call_hungup', (data) => Object.assign(data, { number: '+15550001111' }), 'number_deleted'),
      [],
    ],
  ])('%s', (_, given, numbers) => {
    expect(ownNumbersIn(given)).toEqual(numbers);
  });
});
