import { farEndNumber, readPhone, toE164, whyNoPhone } from '../../src/events/phone';

describe('a phone number is read', () => {
  test.each<[string, string, string | null, string]>([
    ['in E.164', '+15551234567', null, '+15551234567'],
    ['Mexican, with the mobile 1 that was abolished', '+5215512345678', null, '+525512345678'],
    ['Mexican, with the abolished 1 and spaces', '+52 1 55 1234 5678', null, '+525512345678'],
    ['Mexican, with the abolished trunk prefix 044', '044 55 1234 5678', 'MX', '+525512345678'],
    ['Mexican, in the form of today', '+52 55 1234 5678', null, '+525512345678'],
    ['Argentine mobile, from abroad', '+54 9 11 2345-6789', null, '+5491123456789'],
    ['Argentine mobile, as dialled at home', '011 15 2345-6789', 'AR', '+5491123456789'],
    ['Argentine mobile, both forms mixed', '+54 11 15 2345 6789', null, '+5491123456789'],
    ['Argentine landline', '+54 11 4345-6789', null, '+541143456789'],
    ['Brazilian mobile before the ninth digit', '+55 11 8765-4321', null, '+5511987654321'],
    ['Brazilian mobile', '+55 11 98765-4321', null, '+5511987654321'],
    ['Brazilian mobile with a carrier code', '0 21 11 98765-4321', 'BR', '+5511987654321'],
    ['Brazilian landline', '+55 11 3456-7890', null, '+551134567890'],
    ["from Benin, before 2024's 01", '+229 97 12 34 56', null, '+2290197123456'],
    ["Ivorian mobile, before 2021's ten digits", '+225 07 12 34 56', null, '+2250707123456'],
    ['with the trunk zero in brackets', '+44 (0)20 7946 0958', null, '+442079460958'],
    ['German, national', '030 123456', 'DE', '+4930123456'],
    ['Italian, whose zero stays', '06 6982 1234', 'IT', '+390669821234'],
    ['with 00', '0049 30 123456', 'DE', '+4930123456'],
    ['with 00, where the rule file names no country', '004930123456', null, '+4930123456'],
    ['with 00 in a country that dials 011', '0044 20 7946 0958', 'US', '+442079460958'],
    ['international without +', '442079460958', null, '+442079460958'],
    ['with an extension', '+1 555 123 4567 ext. 89', null, '+15551234567'],
    ['with an extension after #', '+1 555 123 4567#89', null, '+15551234567'],
    ['as a tel: address', 'tel:+1-555-123-4567;ext=5', null, '+15551234567'],
    ['as a sip: address', 'sip:+15551234567@carrier.example;user=phone', null, '+15551234567'],
    ['as a sip: address with parameters of the number', 'sips:+15551234567;npdi@carrier.example', null, '+15551234567'],
    ['as a SIP address without its scheme', '+15551234567@10.0.0.5:5060', null, '+15551234567'],
    ['with marks of the writing direction', '\u202a+1 555 123 4567\u202c', null, '+15551234567'],
    ['in full-width digits', '＋１５５５１２３４５６７', null, '+15551234567'],
    ['of a country with short numbers', '22345', 'FK', '+50022345'],
  ])('%s', (_what, text, country, expected) => {
    expect(toE164(text, country)).toBe(expected);
  });
});

describe('no phone number is', () => {
  test.each<[string, string, string | null, string]>([
    ['a withheld number', 'anonymous', null, 'the far end gave no phone number: it withheld it'],
    ['a withheld number in another case', 'Restricted', 'US', 'the far end gave no phone number: it withheld it'],
    [
      'a withheld SIP caller',
      'sip:anonymous@anonymous.invalid',
      'US',
      'the far end gave no phone number: it withheld it',
    ],
    ['ANONYMOUS on the keypad', '+266696687', null, 'the far end gave no phone number: it withheld it'],
    ['UNAVAILABLE on the keypad', '+86282452253', null, 'the far end gave no phone number: it withheld it'],
    ['a number of zeros', '+10000000000', null, 'the far end gave no phone number: it withheld it'],
    [
      'an extension, also where numbers can be short',
      '1001',
      'DE',
      'the far end gave no phone number, but 4 digits: a short code or an extension',
    ],
    ['a short code', '22000', 'DE', 'the far end gave no phone number, but 5 digits: a short code or an extension'],
    [
      'an emergency number',
      '112',
      'GB',
      'the far end gave no phone number, but 3 digits: a short code or an extension',
    ],
    [
      'an extension of a SIP server',
      'sip:1001@pbx.example',
      'DE',
      'the far end gave no phone number, but 4 digits: a short code or an extension',
    ],
    ['a sender with a name', 'ACME', 'US', 'the far end gave no phone number, but a name'],
  ])('%s', (_what, text, country, why) => {
    expect(readPhone(text, country)).toBeNull();
    expect(whyNoPhone(text)).toBe(why);
  });

  test('a text that is too long to be looked at', () => {
    expect(whyNoPhone('1'.repeat(1_001))).toBe('the far end gave no phone number, but more than 1000 characters');
    expect(whyNoPhone(`a${'\u0301\u0323'.repeat(20_000)}`)).toMatch(/more than 1000 characters/);
  });

  test('a text with too many digits: the report asks to look at it', () => {
    expect(toE164('+4930123456789012345', null)).toBeNull();
    expect(whyNoPhone('+4930123456789012345')).toMatch(/in no numbering plan/);
  });
});

describe('the number of the far end', () => {
  test('of a numbering plan that the bridge does not know is the number that the network sent', () => {
    expect(toE164('+99912345678', null)).toBeNull();
    expect(farEndNumber('+99912345678', null)).toBe('+99912345678');
  });

  test.each(['+899123456789', '+266696687', 'anonymous', '22000', '+12345'])('is not one: %s', (text) => {
    expect(farEndNumber(text, 'US')).toBeNull();
  });
});

test.each([
  ['short', 100, '+15551234567'],
  ['of megabytes', 2_000_000, null],
])('a SIP address with a number, %s', (_what, length, expected) => {
  const address = `sip:+15551234567@${'a'.repeat(length)}`;
  expect([readPhone(address, 'US')?.number ?? null, farEndNumber(address, 'US')]).toEqual([expected, expected]);
});
