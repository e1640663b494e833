import { InvalidProxy, Proxies } from '../../src/net/proxies';

const PROXY = 'http://proxy.corp:3128';

/** The host and port of the proxy that a URL is reached through; null when directly. */
function proxyOf(url: string, env: NodeJS.ProcessEnv): string | null {
  return new Proxies(env).proxyFor(new URL(url))?.url.host ?? null;
}

it.each<[string, NodeJS.ProcessEnv, string | null]>([
  ['https://slack.com/api/', {}, null],
  ['https://slack.com/api/', { HTTPS_PROXY: PROXY }, 'proxy.corp:3128'],
  ['https://slack.com/api/', { https_proxy: PROXY }, 'proxy.corp:3128'],
  ['https://slack.com/api/', { https_proxy: 'http://small:1', HTTPS_PROXY: PROXY }, 'small:1'],
  ['https://slack.com/api/', { https_proxy: '', HTTPS_PROXY: PROXY }, 'proxy.corp:3128'],
  ['https://slack.com/api/', { HTTPS_PROXY: 'proxy.corp:3128' }, 'proxy.corp:3128'],
  ['https://slack.com/api/', { HTTPS_PROXY: 'https://user:p%40ss@proxy.corp' }, 'proxy.corp'],
  ['https://slack.com/api/', { HTTP_PROXY: PROXY }, null],
  ['http://slack.com/api/', { HTTP_PROXY: PROXY }, 'proxy.corp:3128'],
  ['http://slack.com/api/', { HTTPS_PROXY: PROXY }, null],
])('%s with %j goes through %s', (url, env, expected) => {
  expect(proxyOf(url, env)).toBe(expected);
});

it.each<[string, string, boolean]>([
  ['https://crm.example.com/', 'example.com', true],
  ['https://example.com/', 'example.com', true],
  ['https://example.com/', '.example.com', true],
  ['https://crm.example.com/', '*.example.com', true],
  ['https://CRM.Example.Com./', 'example.COM', true],
  ['https://notexample.com/', 'example.com', false],
  ['https://example.com.evil.org/', 'example.com', false],
  ['https://crm.example.com/', 'other.org, example.com', true],
  ['https://crm.example.com/', 'other.org example.com', true],
  ['https://crm.example.com/', '*', true],
  ['https://crm.example.com:8443/', 'example.com:8443', true],
  ['https://crm.example.com/', 'example.com:8443', false],
  ['https://crm.example.com/', 'example.com:443', true],
  ['https://10.1.2.3/', '10.0.0.0/8', true],
  ['https://11.1.2.3/', '10.0.0.0/8', false],
  ['https://10.1.2.3/', '10.1.2.3', true],
  ['https://10.1.2.3:8443/', '10.1.2.3:8443', true],
  ['https://10.1.2.3/', '.3', false],
  ['https://[2001:db8::7]/', '2001:db8::/32', true],
  ['https://[2001:db8::7]/', '[2001:db8::7]', true],
  ['https://[2001:db8::7]:8443/', '[2001:db8::7]:8443', true],
  ['https://[2001:db8::8]/', '[2001:db8::7]', false],
  ['https://crm.example.com/', 'http://crm.example.com/, ,,', false],
])('%s with NO_PROXY=%s goes out directly: %s', (url, noProxy, isDirect) => {
  const env = { HTTPS_PROXY: PROXY };
  expect(proxyOf(url, { ...env, NO_PROXY: noProxy }) === null).toBe(isDirect);
  expect(proxyOf(url, { ...env, no_proxy: noProxy }) === null).toBe(isDirect);
});

it.each([
  'http://localhost:7/',
  'http://127.0.0.1/',
  'https://127.8.8.8/',
  'http://[::1]:5000/',
  'http://a.localhost/',
])('%s, this machine, is never reached through a proxy', (url) => {
  expect(proxyOf(url, { HTTPS_PROXY: PROXY, HTTP_PROXY: PROXY })).toBeNull();
});

it.each([
  ['HTTPS_PROXY', 'socks5://proxy.corp:1080', 'socks5://'],
  ['http_proxy', 'http://', 'write http://host:port'],
  ['HTTPS_PROXY', 'http://user:50%@proxy.corp', '%25'],
])('%s=%s is refused with words that hold no secret', (name, value, words) => {
  const make = () => new Proxies({ [name]: value });
  expect(make).toThrow(InvalidProxy);
  expect(make).toThrow(words);
  expect(make).toThrow(expect.objectContaining({ message: expect.not.stringContaining('50%@') }));
});

it('are described without their passwords', () => {
  const env = { HTTPS_PROXY: 'http://user:secret@proxy.corp:3128', http_proxy: 'other:80', NO_PROXY: 'a.org,b.org' };
  expect(new Proxies(env).describe()).toBe(
    'https by http://proxy.corp:3128 (HTTPS_PROXY), http by http://other (http_proxy), except NO_PROXY (2)',
  );
  expect(new Proxies({ NO_PROXY: 'a.org' }).describe()).toBeNull();
});
