import { checkAccount, whyNoTexts } from '../../../src/connectors/voipbin/account';
import { VoipbinClient } from '../../../src/connectors/voipbin/client';
import { startVoipbinStandIn, type VoipbinStandIn } from '../../../src/connectors/voipbin/stand-in/server';
import { HostList } from '../../../src/net/host-list';
import { Secret } from '../../../src/settings/secret';

const { signal } = new AbortController();
const SENDS = [{ action: 'voipbin.send_message', input: { text: 'Hi' }, rules: ['auto-reply', 'missed'] }];
const MAILS = [{ action: 'email.send', input: {}, rules: ['mail-recordings'] }];
let standIn: VoipbinStandIn;
let client: VoipbinClient;

beforeEach(async () => {
  standIn = await startVoipbinStandIn();
  client = new VoipbinClient({
    apiUrl: standIn.url,
    accessKey: new Secret('vb_stand-in'),
    downloadAllow: HostList.EMPTY,
  });
});

afterEach(async () => {
  await client.close();
  await standIn.stop();
});

test('an account in order is named', async () => {
  expect(checkAccount(await client.getAccount(signal), SENDS)).toMatch(/^customer [0-9a-f-]{36}$/);
});

test.each([
  [{ identity: 'pending' }, /rules auto-reply, missed\): the identity of the account is not verified \(pending\)/],
  [{ credit: -1 }, /rules auto-reply, missed\): the account has no credit left/],
] as const)('an account that may not send the texts of live rules fails the check: %j', async (account, message) => {
  standIn.setAccount(account);
  const found = await client.getAccount(signal);

  expect(() => checkAccount(found, SENDS)).toThrow(message);
});

test('without rules that send texts, the check says so and passes', async () => {
  standIn.setAccount({ identity: 'none' });

  expect(checkAccount(await client.getAccount(signal), MAILS)).toMatch(/which cannot send texts: the identity/);
});

test('a credit that VoIPBIN does not tell, or a plan without one, is no reason', async () => {
  standIn.failNext({ path: '/billing_account', how: { status: 403 } });
  expect(await client.getAccount(signal)).toMatchObject({ credit: null });
  standIn.failNext({
    path: '/billing_account',
    how: { status: 200, body: { plan_type: 'unlimited', balance_credit: 0 } },
  });
  expect(whyNoTexts(await client.getAccount(signal))).toBeNull();
});

test('an older VoIPBIN that states no identity is taken as in order', () => {
  expect(whyNoTexts({ id: 'c', identity: null, credit: null })).toBeNull();
});
