import { connectors } from '../../src/connectors/registry';

import { loadSettings } from '../../src/settings/load';
import { formatFinding } from '../../src/yaml/format-findings';

/** Each setting that takes addresses, with its name in bridge.yaml. */
const SETTINGS = [
  ['receiver.ip_allow', 'BRIDGE_IP_ALLOW'],
  ['receiver.trust_proxy', 'BRIDGE_TRUST_PROXY'],
  ['connections.http.allow', 'BRIDGE_HTTP_ALLOW'],
  ['connections.voipbin.download_allow', 'BRIDGE_HTTP_ALLOW'],
] as const;

/** The sentences about one setting. */
function findingsAbout(setting: string, variable: string, value: string): string[] {
  const loaded = loadSettings({ env: { [variable]: value }, connectors, directory: '/nonexistent' });
  return loaded.ok ? [] : loaded.findings.map(formatFinding).filter((line) => line.includes(setting));
}

describe.each(SETTINGS)('%s', (setting, variable) => {
  test.each([
    ['10/8', '"10/8" is a short form: write 10.0.0.0/8'],
    ['0x7f000001', '"0x7f000001" is in hexadecimal: write 127.0.0.1'],
    ['010.0.0.1', '"010.0.0.1" has leading zeros'],
    ['10.1.2.3/8', '"10.1.2.3/8" has bits after its prefix'],
    ['fe80::1%eth0', '"fe80::1%eth0" has a zone id'],
    ['::ffff:10.0.0.0/8', '"::ffff:10.0.0.0/8" is wider than the IPv4-mapped addresses'],
  ])('refuses %s', (entry, sentence) => {
    expect(findingsAbout(setting, variable, `203.0.113.7, ${entry}`)).toEqual([expect.stringContaining(sentence)]);
  });

  test('takes addresses and ranges of both kinds', () => {
    const entries = '203.0.113.7, 10.0.0.0/8, 2001:db8::1, [2001:db8::2], fd00::/8, ::ffff:10.0.0.1';
    expect(findingsAbout(setting, variable, entries)).toEqual([]);
  });
});
