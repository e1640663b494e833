import { canonicalHost, HostList, hostList } from '../../src/net/host-list';

describe('addresses that connections may go to', () => {
  test.each(['8.8.8.8', '1.1.1.1', '172.15.0.1', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8'])(
    '%s: public',
    (address) => {
      expect(HostList.EMPTY.allowsAddress(address)).toBe(true);
    },
  );

  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::7f00:1',
    '::8.8.8.8',
    '::808:808',
    '::ffff:10.0.0.1',
    '::ffff:7f00:1',
    '::ffff:0:127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::7f00:1',
    '2002:7f00:1::',
    '2001:0:7f00:1::',
    '4000::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    'localhost',
    '2130706433',
    '0x7f000001',
    '',
  ])('%s: not public', (address) => {
    expect(HostList.EMPTY.allowsAddress(address)).toBe(false);
  });

  test('are those of the list too', () => {
    const { list } = HostList.parse(['10.0.0.0/8', 'crm.internal']);
    expect(['10.1.2.3', '::ffff:10.1.2.3', '192.168.1.1'].map((address) => list.allowsAddress(address))).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('hosts of URLs', () => {
  test('are found by name or address', () => {
    const { list } = HostList.parse(['CRM.internal.', '10.0.0.0/8', '::1']);
    expect(['crm.internal', 'CRM.INTERNAL.', '10.1.2.3', '[::1]'].map((host) => list.has(host))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(['crm.internal', '10.1.2.3'].map((host) => list.hasName(host))).toEqual([true, false]);
    expect(['www.crm.internal', '11.0.0.1', '[::2]'].map((host) => list.has(host))).toEqual([false, false, false]);
  });

  test('can be added; one that is an address only as this host, not for names that resolve to it', () => {
    const { list } = HostList.parse(['crm.internal']);
    expect(['crm.internal', 'api.internal'].map((host) => list.with('api.internal').has(host))).toEqual([true, true]);
    const more = list.with('10.0.0.1').with('[::1]');
    expect(['10.0.0.1', '[::1]', '10.0.0.2'].map((host) => more.hasName(host))).toEqual([true, true, false]);
    expect(more.allowsAddress('10.0.0.1')).toBe(false);
    expect(list.has('api.internal')).toBe(false);
  });

  test('are compared without brackets, final dot and case', () => {
    expect(['[::1]', 'LOCALHOST.', 'example.com'].map(canonicalHost)).toEqual(['::1', 'localhost', 'example.com']);
  });
});

describe('the setting', () => {
  test('is text with commas or a list, in any spelling', () => {
    const fromText = hostList().parse(' CRM.internal. , 10.0.0.0/8,,localhost');
    const fromList = hostList().parse(['crm.internal', 'localhost', '10.0.0.0/8']);
    for (const list of [fromText, fromList]) {
      expect(['crm.internal', 'localhost', '10.1.2.3', 'other'].map((host) => list.has(host))).toEqual([
        true,
        true,
        true,
        false,
      ]);
    }
  });

  test('names every invalid entry', () => {
    const invalid = ['http://crm.internal', 'crm:8080', '10/8', '10.0.0.0/33', '1.2.3', '0x7f000001', '*', 'a b'];
    const messages =
      hostList()
        .safeParse(['ok.example', ...invalid])
        .error?.issues.map((issue) => issue.message) ?? [];
    expect(messages.map((message) => /"(.*?)"/.exec(message)?.[1])).toEqual(invalid);
    expect(messages[0]).toBe(
      '"http://crm.internal" is not a host name, address or CIDR range; leave out scheme, port and path',
    );
    expect(messages[2]).toBe('"10/8" is a short form: write 10.0.0.0/8');
  });
});
