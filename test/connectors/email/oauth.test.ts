import { email } from '../../../src/connectors/email/connector';
import type { Mailer } from '../../../src/connectors/email/mailer';
import { startEmailStandIn, type EmailStandIn } from '../../../src/connectors/email/stand-in';
import type { JsonObject } from '../../../src/events/json';
import { failureOf, MailStep } from './mail-step';

const { connection } = email;
const { signal } = new AbortController();

function open(settings: JsonObject): Promise<Mailer> {
  return Promise.resolve(connection.open(connection.settings.parse(settings)));
}

describe.each(['refuse', 'challenge'] as const)('a mail server that takes tokens only (%s)', (oauth) => {
  let step: MailStep;
  let mails: EmailStandIn;
  let mailer: Mailer;

  beforeEach(async () => {
    mails = await startEmailStandIn({ oauth });
    mailer = await open(mails.settings);
    step = await MailStep.start();
  });

  afterEach(async () => {
    await mailer.close();
    await Promise.all([mails.stop(), step.stop()]);
  });

  const attempt = () => step.attempt({ client: mailer });

  test('one token serves many logins', async () => {
    await Promise.all([attempt(), attempt(), attempt()]);
    await connection.check?.(mailer, signal, []);

    expect(mails.messages).toHaveLength(3);
    expect(mails.tokens?.grants).toEqual(['client_credentials']);
  });

  test('a refresh token is used where there is one', async () => {
    const other = await open({ ...mails.settings, oauth_refresh_token: 'stand-in-refresh' });
    await step.attempt({ client: other });
    await other.close();

    expect(mails.tokens?.grants).toEqual(['refresh_token']);
  });

  test('a token that was revoked before it expired is renewed, and nothing is parked', async () => {
    await connection.check?.(mailer, signal, []);
    mails.tokens?.revoke();
    const tries: string[] = [];
    for (let n = 0; n < 2 && mails.messages.length === 0; n += 1) {
      tries.push(
        await attempt().then(
          () => 'done',
          (error: { errorClass: string }) => error.errorClass,
        ),
      );
    }

    expect(tries).toEqual(oauth === 'challenge' ? ['done'] : ['transient', 'done']);
    expect(mails.tokens?.grants).toHaveLength(2);
  });

  test('a user who may not send is a matter of the account, and the remedy speaks of the app', async () => {
    mails.failNext({ stage: 'auth', code: 535, text: '5.7.3 Authentication unsuccessful', times: 2 });

    expect(await failureOf(attempt())).toMatchObject({
      errorClass: 'credential',
      detail: { code: 'smtp_535_5.7.3', remedy: expect.stringContaining('SMTP.SendAsApp') },
    });
  });

  test.each<[number, string, string, string, RegExp]>([
    [400, 'invalid_grant', 'credential', 'invalid_grant', /refresh_token/],
    [401, 'invalid_client', 'credential', 'invalid_client', /oauth_client_secret/],
    [400, 'invalid_scope', 'credential', 'invalid_scope', /oauth_scope/],
    [403, 'access_denied', 'credential', 'access_denied', /oauth_/],
    [503, 'temporarily_unavailable', 'transient', 'http_503', /^$/],
    [429, 'slow_down', 'transient', 'http_429', /^$/],
  ])('a token endpoint that answers %d %s', async (status, error, errorClass, code, remedy) => {
    mails.tokens?.failNext(status, error);
    const failure = await failureOf(attempt());

    expect(failure).toMatchObject({ errorClass, detail: { connection: 'email', code } });
    expect(failure.detail.remedy ?? '').toMatch(remedy);
    expect(JSON.stringify([failure.message, failure.detail])).not.toMatch(/stand-in-app|refused by/);
  });

  test('a token endpoint that is away', async () => {
    await mails.tokens?.stop();
    expect(await failureOf(attempt())).toMatchObject({ errorClass: 'transient', detail: { code: 'network' } });
  });
});

test.each<[JsonObject, string]>([
  [{ oauth_client_id: 'a' }, 'needs oauth_token_url too'],
  [{ oauth_token_url: 'https://t.example/token', oauth_client_secret: 's' }, 'needs oauth_client_id too'],
  [
    { oauth_token_url: 'https://t.example/token', oauth_client_id: 'a' },
    'needs oauth_client_secret or oauth_refresh_token',
  ],
  [{ oauth_token_url: 'http://t.example/token', oauth_client_id: 'a', oauth_client_secret: 's' }, 'expected https://'],
  [
    {
      smtp_url: 'smtp://u:p@mail.example.com',
      oauth_token_url: 'https://t.example/token',
      oauth_client_id: 'a',
      oauth_client_secret: 's',
    },
    'has a password, and oauth_token_url is set',
  ],
])('settings %j: %s', (changes, message) => {
  const parsed = connection.settings.safeParse({
    smtp_url: 'smtp://u@mail.example.com',
    from: 'a@example.com',
    ...changes,
  });
  expect(parsed.error?.message).toContain(message);
});
