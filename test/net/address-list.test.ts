import { AddressList } from '../../src/net/address-list';
import { parseRange } from '../../src/net/address-range';

describe('an entry', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7/32'],
    [' 203.0.113.0/24 ', '203.0.113.0/24'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8::1', '2001:db8::1/128'],
    ['[2001:db8::1]', '2001:db8::1/128'],
    ['2001:db8::/32', '2001:db8::/32'],
    ['::/0', '::/0'],
    ['::1', '::1/128'],
    ['::ffff:10.0.0.1', '10.0.0.1/32'],
    ['::ffff:a00:1', '10.0.0.1/32'],
    ['::ffff:127.0.0.0/104', '127.0.0.0/8'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221/128'],
  ])('%s is %s', (entry, expected) => {
    const range = parseRange(entry);
    expect('error' in range ? range.error : `${range.network.toString()}/${range.prefixLength}`).toBe(expected);
  });

  test.each([
    ['10/8', '"10/8" is a short form: write 10.0.0.0/8'],
    ['192.168/16', '"192.168/16" is a short form: write 192.168.0.0/16'],
    [
      '10.1',
      '"10.1" is a short form: write all four numbers, 10.1.0.0/16 for the range or 10.0.0.1 for the one address',
    ],
    ['2130706433', '"2130706433" is not written as four numbers: write 127.0.0.1'],
    ['0x7f000001', '"0x7f000001" is in hexadecimal: write 127.0.0.1'],
    ['0x7f.0.0.1', '"0x7f.0.0.1" is in hexadecimal: write 127.0.0.1'],
    ['010.0.0.1', '"010.0.0.1" has leading zeros, which are octal to some programs: write 10.0.0.1 or 8.0.0.1'],
    ['010.0.0.0/8', '"010.0.0.0/8" has leading zeros, which are octal to some programs: write 10.0.0.0/8 or 8.0.0.0/8'],
    ['256.0.0.1', '"256.0.0.1" has a number above 255'],
    ['fe80::1%eth0', '"fe80::1%eth0" has a zone id, which means something on one machine only: leave out %eth0'],
    ['203.0.113.7:51008', '"203.0.113.7:51008" has a port: write 203.0.113.7'],
    ['[2001:db8::1]:443', '"[2001:db8::1]:443" has a port: write 2001:db8::1'],
    [
      '10.1.2.3/8',
      '"10.1.2.3/8" has bits after its prefix: write 10.0.0.0/8 for the range, or 10.1.2.3 for the one address',
    ],
    [
      '2001:db8::1/32',
      '"2001:db8::1/32" has bits after its prefix: write 2001:db8::/32 for the range, or 2001:db8::1 for the one address',
    ],
    ['10.0.0.0/33', '"10.0.0.0/33" needs a prefix length from 0 to 32 after the slash'],
    ['10.0.0.0/', '"10.0.0.0/" needs a prefix length from 0 to 32 after the slash'],
    ['10.0.0.0/08', '"10.0.0.0/08" needs a prefix length from 0 to 32 after the slash'],
    ['10.0.0.0/-1', '"10.0.0.0/-1" needs a prefix length from 0 to 32 after the slash'],
    ['10.0.0.0/255.0.0.0', '"10.0.0.0/255.0.0.0" has a netmask: write 10.0.0.0/8'],
    ['::/129', '"::/129" needs a prefix length from 0 to 128 after the slash'],
    [
      '::ffff:10.0.0.0/8',
      '"::ffff:10.0.0.0/8" is wider than the IPv4-mapped addresses: write the IPv4 range, such as 10.0.0.0/8',
    ],
    ['::10.0.0.1', '"::10.0.0.1" is the deprecated IPv4-compatible form of IPv6: write the IPv4 address'],
    ['::7f00:0/120', '"::7f00:0/120" is the deprecated IPv4-compatible form of IPv6: write the IPv4 address'],
  ])('%s is refused with the right spelling', (entry, error) => {
    expect(parseRange(entry)).toEqual({ error });
  });

  test.each(['', '*', 'voipbin.net', 'hunter2', 'secret/8', '1.2.3.4.5', '::1::', '10.0.0.1-10.0.0.9', '/8', '[10'])(
    '%j is refused without being repeated, for it may be a secret at the wrong place',
    (entry) => {
      expect(parseRange(entry)).toEqual({
        error: 'expected an IP address or CIDR range, such as 203.0.113.7 or 203.0.113.0/24',
      });
    },
  );
});

describe('a list', () => {
  test.each([
    ['10.0.0.0/8', '10.255.0.1', '11.0.0.1'],
    ['127.0.0.1', '127.0.0.1', '127.0.0.2'],
    ['192.168.1.0/24', '::ffff:192.168.1.9', '192.168.2.9'],
    ['::ffff:127.0.0.0/104', '127.9.9.9', '::7f09:909'],
    ['::ffff:127.0.0.0/104', '::ffff:127.0.0.1', '128.0.0.1'],
    ['fd00::/8', 'fd12::1', 'fc00::1'],
    ['[::1]', '::1', '127.0.0.1'],
    ['0.0.0.0/0', '127.0.0.1', '::1'],
    ['::/0', '2001:db8::1', '203.0.113.7'],
    ['::/0', '::7f00:1', '::ffff:127.0.0.1'],
  ])('of %s contains %s and not %s', (entry, inside, outside) => {
    const list = AddressList.parse([entry]);
    expect([list.contains(inside), list.contains(outside)]).toEqual([true, false]);
  });

  test.each([
    '',
    '10',
    '10.1',
    '010.0.0.1',
    '0x0a000001',
    '167772161',
    '10.0.0.1:80',
    '10.0.0.1/8',
    'unknown',
    ' 10.0.0.1',
  ])('never contains %j, which is not an address', (text) => {
    expect(AddressList.parse(['0.0.0.0/0', '::/0']).contains(text)).toBe(false);
  });

  test('without entries contains nothing', () => {
    expect(AddressList.parse([]).contains('127.0.0.1')).toBe(false);
    expect(AddressList.parse(['0.0.0.0/0', '::/0']).contains(null)).toBe(false);
  });

  test('is refused for the first invalid entry', () => {
    expect(() => AddressList.parse(['10.0.0.1', '10/8'])).toThrow('write 10.0.0.0/8');
  });
});
