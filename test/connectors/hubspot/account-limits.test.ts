import { AccountLimits } from '../../../src/connectors/hubspot/account-limits';
import { failureOf } from '../../../src/connectors/hubspot/failure';
import { hubspotSettings } from '../../../src/connectors/hubspot/settings';

const limits = (): AccountLimits => new AccountLimits(hubspotSettings.parse({ access_token: 'x' }));

const headers = (remaining: number): Headers =>
  new Headers({
    'x-hubspot-ratelimit-max': '100',
    'x-hubspot-ratelimit-remaining': String(remaining),
    'x-hubspot-ratelimit-interval-milliseconds': '10000',
  });

const tooMany = (policyName: string): unknown =>
  failureOf(429, new Headers(), JSON.stringify({ status: 'error', errorType: 'RATE_LIMIT', policyName }), null);

test('requests wait for a part of the window when HubSpot says that others have used it up', () => {
  const account = limits();
  account.read(headers(1));
  account.requests.assertRoom(0);
  account.read(headers(0));
  expect(() => account.requests.assertRoom(500)).toThrow('too many hubspot requests');
  account.requests.assertRoom(1_000);
});

test.each([
  ['TEN_SECONDLY_ROLLING', 'requests'],
  ['DAILY', 'requests'],
  ['SECONDLY', 'searches'],
] as const)('a 429 of the window %s holds back all %s', (policy, held) => {
  const account = limits();
  account.obey(tooMany(policy));
  expect(() => account[held].assertRoom(500)).toThrow(`too many hubspot ${held}`);
  account[held === 'requests' ? 'searches' : 'requests'].assertRoom(0);
});
