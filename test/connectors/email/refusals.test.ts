import { readSmtpUrl } from '../../../src/connectors/email/smtp-url';
import { startEmailStandIn, type MailTrouble } from '../../../src/connectors/email/stand-in';
import { EXPIRED, OTHER_NAME, VALID } from './certificates';
import { failureOf, MailStep } from './mail-step';

describe('refusals', () => {
  let step: MailStep;

  beforeEach(async () => {
    step = await MailStep.start();
  });

  afterEach(() => step.stop());

  test.each<[string, MailTrouble, string, string, RegExp]>([
    [
      'a daily limit waits for the account',
      { stage: 'data', code: 550, text: '5.4.5 Daily user sending limit exceeded' },
      'credential',
      'smtp_550_5.4.5',
      /continue by themselves/,
    ],
    [
      'passwords are switched off',
      { stage: 'auth', code: 535, text: '5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled' },
      'credential',
      'smtp_535_5.7.139',
      /OAuth2.*Authenticated SMTP/,
    ],
    [
      'the sender is not the account',
      { stage: 'mail', code: 550, text: '5.7.60 Client does not have permissions to send as this sender' },
      'credential',
      'smtp_550_5.7.60',
      /MAIL_FROM/,
    ],
    [
      'a full mailbox is not a mail that is too large',
      { stage: 'data', code: 552, text: '5.2.2 Mailbox full' },
      'permanent',
      'smtp_552_5.2.2',
      /make room/,
    ],
    [
      'STARTTLS is missing',
      { stage: 'mail', code: 530, text: '5.7.0 Must issue a STARTTLS command first' },
      'credential',
      'smtp_530_5.7.0',
      /ignoreTLS/,
    ],
    ['the name in EHLO', { stage: 'ehlo', code: 550, times: 2 }, 'credential', 'smtp_550', /\?name=/],
    [
      'the name in EHLO, by a server that hangs up',
      { stage: 'ehlo', code: 421, text: '4.7.0 Try again later, closing connection. (EHLO)' },
      'transient',
      'smtp_421_4.7.0',
      /\?name=/,
    ],
    [
      'try again later, as a permanent error',
      { stage: 'data', code: 554, text: '5.7.0 try again later' },
      'transient',
      'smtp_554_5.7.0',
      /^$/,
    ],
  ])('%s', async (_what, trouble, errorClass, code, remedy) => {
    step.mails.failNext(trouble);
    const failure = await failureOf(step.attempt());

    expect(failure).toMatchObject({ errorClass, detail: { connection: 'email', code } });
    expect(failure.detail.remedy ?? '').toMatch(remedy);
    expect(step.mails.messages).toHaveLength(0);
  });

  test('no text of the server is in an error', async () => {
    step.mails.failNext({ stage: 'data', code: 554, text: '5.7.1 ann@example.com says secret words' });
    const { message, detail } = await failureOf(step.attempt());
    expect(JSON.stringify([message, detail])).not.toMatch(/ann|secret/);
  });

  test('a full mailbox: the recording is not left out of a second mail', async () => {
    step.voipbin.addRecording({ id: 'r-1', stored: true });
    step.mails.failNext({ stage: 'data', code: 552, text: '5.2.2 Mailbox full' });

    expect(await failureOf(step.attempt({}, { recording: 'attach' }))).toMatchObject({ errorClass: 'permanent' });
    expect(step.mails.messages).toEqual([]);
  });
});

describe('the name in EHLO', () => {
  test("is the sender's domain, also where this machine has no name", async () => {
    const step = await MailStep.start();
    await step.attempt();
    expect(step.mails.greetings).toEqual(['example.org']);
    await step.stop();
  });

  test('is what SMTP_URL says', async () => {
    const step = await MailStep.start();
    const named = step.open(`${step.mails.url}?name=mail.example.com`);
    await step.attempt({ client: named });
    await named.close();
    expect(step.mails.greetings).toEqual(['mail.example.com']);
    await step.stop();
  });

  test('that is no domain is refused by the stand-in, as servers do', async () => {
    const step = await MailStep.start();
    const nameless = step.open(`${step.mails.url}?name=[127.0.0.1]`);
    expect(await failureOf(step.attempt({ client: nameless }))).toMatchObject({
      errorClass: 'credential',
      detail: { code: 'smtp_550_5.7.1', remedy: expect.stringContaining('?name=') },
    });
    await nameless.close();
    await step.stop();
  });
});

test('the stand-in wants a login, and the right one', async () => {
  const step = await MailStep.start();
  const anonymous = step.open(step.mails.url, {}, { auth: null });
  const wrong = step.open(step.mails.url, {}, { auth: { user: 'stand-in', pass: 'wrong' } });

  expect(await failureOf(step.attempt({ client: anonymous }))).toMatchObject({ detail: { code: 'smtp_530_5.7.0' } });
  expect(await failureOf(step.attempt({ client: wrong }))).toMatchObject({
    errorClass: 'credential',
    detail: { code: 'smtp_535_5.7.8', remedy: expect.stringContaining('percent-encoded') },
  });
  await anonymous.close();
  await wrong.close();
  await step.stop();
});

describe.each([{ implicitTls: true }, { implicitTls: false }])('a server with TLS, %j', ({ implicitTls }) => {
  test.each([
    ['by an unknown authority', VALID, /NODE_EXTRA_CA_CERTS/],
    ['expired', EXPIRED, /NODE_EXTRA_CA_CERTS|renewed/],
    ['for another name', OTHER_NAME, /NODE_EXTRA_CA_CERTS|host name/],
  ])('and a certificate %s: named, and the connection is parked', async (_what, tls, remedy) => {
    const step = await MailStep.start({ tls, implicitTls });
    const { mailer } = step;
    const failure = await failureOf(step.attempt());

    expect(failure).toMatchObject({ errorClass: 'credential', detail: { code: 'tls' } });
    expect(failure.message).toMatch(/certificate of the mail server is not accepted \([A-Z_]+\)/);
    expect(failure.detail.remedy).toMatch(remedy);
    expect(await failureOf(mailer.verify(new AbortController().signal))).toMatchObject({
      detail: { code: 'tls' },
    });
    await step.stop();
  });
});

test('smtps:// to a port without TLS: named, and the connection is parked', async () => {
  const step = await MailStep.start();
  const mailer = step.open(step.mails.url.replace('smtp:', 'smtps:'));
  expect(await failureOf(step.attempt({ client: mailer }))).toMatchObject({
    errorClass: 'credential',
    detail: { code: 'tls', remedy: expect.stringContaining('587') },
  });
  await mailer.close();
  await step.stop();
});

test('a stand-in with TLS is on the URL that its certificate is for', async () => {
  const standIn = await startEmailStandIn({ tls: VALID, implicitTls: true });
  expect(readSmtpUrl(standIn.url)).toMatchObject({ server: { host: 'localhost', secure: true } });
  await standIn.stop();
});
