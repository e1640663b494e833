import { parseAddress, subscriberOf } from '../../src/net/address';
import { AddressList } from '../../src/net/address-list';
import { clientAddress } from '../../src/net/client-address';

const proxies = AddressList.parse(['127.0.0.1', '10.0.0.0/8', 'fd00::/8', 'fe80::/10']);

test.each([
  ['203.0.113.9', null, '203.0.113.9'],
  ['::ffff:203.0.113.9', null, '203.0.113.9'],
  ['203.0.113.9', '198.51.100.1', '203.0.113.9'],
  ['127.0.0.1', null, '127.0.0.1'],
  ['127.0.0.1', '', '127.0.0.1'],
  ['127.0.0.1', ' , ', '127.0.0.1'],
  ['127.0.0.1', '203.0.113.9', '203.0.113.9'],
  ['127.0.0.1', '203.0.113.9:51008', '203.0.113.9'],
  ['127.0.0.1', '2001:db8::1', '2001:db8::1'],
  ['127.0.0.1', '[2001:db8::1]', '2001:db8::1'],
  ['127.0.0.1', '[2001:db8::1]:443', '2001:db8::1'],
  ['127.0.0.1', '[::ffff:203.0.113.9]:443', '203.0.113.9'],
  ['::ffff:127.0.0.1', '203.0.113.9', '203.0.113.9'],
  ['fe80::1%eth0', '203.0.113.9', '203.0.113.9'],
  // A client can write anything to the left of what the proxies append.
  ['127.0.0.1', '198.51.100.1, 203.0.113.9', '203.0.113.9'],
  ['127.0.0.1', 'unknown, 203.0.113.9:51008', '203.0.113.9'],
  ['127.0.0.1', '203.0.113.9:51008, 10.1.2.3:8080', '203.0.113.9'],
  ['127.0.0.1', '203.0.113.9,[fd00::7]:8080 ,10.1.2.3', '203.0.113.9'],
  ['127.0.0.1', '10.1.2.3', '10.1.2.3'],
])('peer %s with %j is %s', (peer, forwardedFor, expected) => {
  expect(clientAddress(peer, forwardedFor, proxies)?.toString()).toBe(expected);
});

test.each([
  ['127.0.0.1', 'unknown'],
  ['127.0.0.1', '_hidden'],
  ['127.0.0.1', '10.1'],
  ['127.0.0.1', '010.0.0.1'],
  ['127.0.0.1', '0x7f000001'],
  ['127.0.0.1', '203.0.113.9:'],
  ['127.0.0.1', '203.0.113.9:1:2'],
  ['127.0.0.1', '[203.0.113.9]:x'],
  ['127.0.0.1', '[2001:db8::1'],
  ['127.0.0.1', 'fe80::1%eth0'],
  ['127.0.0.1', '203.0.113.9, garbage'],
  [undefined, '203.0.113.9'],
  ['', '203.0.113.9'],
])('peer %s with %j is unknown, and neither trusted nor allowed', (peer, forwardedFor) => {
  const client = clientAddress(peer, forwardedFor, proxies);
  expect(client).toBeNull();
  expect(AddressList.parse(['0.0.0.0/0', '::/0']).contains(client)).toBe(false);
});

test('without trusted proxies the header is ignored', () => {
  expect(clientAddress('127.0.0.1', '203.0.113.9', AddressList.parse([]))?.toString()).toBe('127.0.0.1');
});

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
])('%s is counted as %s', (text, expected) => {
  const address = parseAddress(text);
  expect(address === null ? null : subscriberOf(address)).toBe(expected);
});
