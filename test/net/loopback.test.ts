import { isLoopback, plainHttpHost } from '../../src/net/host-list';

test.each([
  ['localhost', true],
  ['LOCALHOST.', true],
  ['127.0.0.1', true],
  ['127.255.0.1', true],
  ['[::1]', true],
  ['::1', true],
  ['[::ffff:127.0.0.1]', true],
  ['localhost.example.com', false],
  ['127.0.0.1.example.com', false],
  ['127.example.com', false],
  ['10.0.0.1', false],
  ['0.0.0.0', false],
  ['', false],
])('%s is this machine: %s', (host, is) => {
  expect(isLoopback(host)).toBe(is);
});

test.each([
  ['http://a.example:8080/x', 'a.example'],
  ['HTTP://[::1]/', '[::1]'],
  ['http://2130706433/', '127.0.0.1'],
  ['https://a.example/', null],
  ['nonsense', null],
])('%s is reached without TLS at %s', (url, host) => {
  expect(plainHttpHost(url)).toBe(host);
});
