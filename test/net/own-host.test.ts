import { isOwnHost } from '../../src/net/own-host';

test.each([
  ['127.0.0.1', true],
  ['127.0.0.1:5001', true],
  ['10.1.2.3:5001', true],
  ['[::1]:5001', true],
  ['[2001:db8::7]', true],
  ['localhost', true],
  ['LocalHost.:5001', true],
  ['bridge.localhost:5001', true],
  ['bridge.internal', true],
  ['BRIDGE.internal.:80', true],
  [undefined, true],
  ['evil.example', false],
  ['evil.example:5001', false],
  ['localhost.evil.example', false],
  ['notlocalhost', false],
  ['127.0.0.1.evil.example', false],
  ['x.bridge.internal', false],
  ['evil.example:127.0.0.1', false],
  ['evil.example@127.0.0.1', false],
  ['[::1].evil.example', false],
  ['::1', false],
  ['', false],
  [':5001', false],
  ['.', false],
])('Host %j: %s', (host, expected) => {
  expect(isOwnHost(host, ['bridge.Internal'])).toBe(expected);
});
