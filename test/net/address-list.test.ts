import { allowList, bareHost, mayReach, readAllowList } from '../../src/connectors/http/allow-list';

const { list: nothing } = readAllowList([]);

describe('addresses that may be reached', () => {
  it.each(['8.8.8.8', '1.1.1.1', '172.15.0.1', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8'])(
    '%s: public',
    (address) => {
      expect(mayReach(address, nothing)).toBe(true);
    },
  );

  it.each([
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
    '::ffff:10.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'ff02::1',
    'localhost',
    '2130706433',
    '',
  ])('%s: not public', (address) => {
    expect(mayReach(address, nothing)).toBe(false);
  });

  it.each([
    ['10.0.0.0/8', '10.255.0.1', '11.0.0.1.'],
    ['127.0.0.1', '127.0.0.1', '127.0.0.2'],
    ['192.168.1.0/24', '::ffff:192.168.1.9', '192.168.2.9'],
    ['fd00::/8', 'fd12::1', 'fc00::1'],
    ['[::1]', '::1', '127.0.0.1'],
    ['0.0.0.0/0', '127.0.0.1', '::1'],
  ])('%s allows %s and not %s', (entry, inside, outside) => {
    const { list, faults } = readAllowList([entry]);
    expect([mayReach(inside, list), mayReach(outside, list), faults]).toEqual([true, false, []]);
  });
});

describe('the setting', () => {
  it('takes text or a list, in any spelling', () => {
    const read = allowList().parse(' CRM.internal. , 10.0.0.0/8,,localhost');
    expect([...read.hosts]).toEqual(['crm.internal', 'localhost']);
    expect(read.ranges).toHaveLength(1);
    expect(allowList().parse(['crm.internal', 'localhost', '10.0.0.0/8'])).toEqual(read);
  });

  it('names every entry that is none', () => {
    const faulty = ['http://crm.internal', 'crm:8080', '10/8', '10.0.0.0/33', '1.2.3', '*', 'a b'];
    const messages =
      allowList()
        .safeParse(['ok.example', ...faulty])
        .error?.issues.map((issue) => issue.message) ?? [];
    expect(messages.map((message) => /"(.*)"/.exec(message)?.[1])).toEqual(faulty);
  });

  it('reads hosts as URLs have them', () => {
    expect(['[::1]', 'LOCALHOST.', 'example.com'].map(bareHost)).toEqual(['::1', 'localhost', 'example.com']);
  });
});
