import { readMailbox } from '../../../src/connectors/email/addresses';
import { email } from '../../../src/connectors/email/connector';
import { readSmtpUrl } from '../../../src/connectors/email/smtp-url';
import { startEmailStandIn } from '../../../src/connectors/email/stand-in';

const { connection } = email;

test('the connector opens its stand-in from the settings that this gives, and can check it', async () => {
  const standIn = await startEmailStandIn();
  const settings = connection.settings.parse(standIn.settings);
  const mailer = await connection.open(settings);

  expect(await connection.check?.(mailer, new AbortController().signal, [])).toBe('mail server 127.0.0.1');
  standIn.failNext({ stage: 'auth', code: 535 });
  await expect(connection.check?.(mailer, new AbortController().signal, [])).rejects.toMatchObject({
    errorClass: 'credential',
  });
  expect(JSON.stringify(settings)).not.toContain('stand-in:');
  await connection.close?.(mailer);
  await standIn.stop();
});

test.each([
  [
    'smtp://mail.example.com',
    { host: 'mail.example.com', port: 587, secure: false, requireTLS: true, ignoreTLS: false, auth: null },
  ],
  [
    'smtp://u%40x:p%2F@mail.example.com:25?requireTLS=false',
    {
      host: 'mail.example.com',
      port: 25,
      secure: false,
      requireTLS: false,
      ignoreTLS: false,
      auth: { user: 'u@x', pass: 'p/' },
    },
  ],
  [
    'smtps://u:p@mail.example.com',
    {
      host: 'mail.example.com',
      port: 465,
      secure: true,
      requireTLS: false,
      ignoreTLS: false,
      auth: { user: 'u', pass: 'p' },
    },
  ],
  [
    'smtp://127.0.0.1:2525',
    { host: '127.0.0.1', port: 2525, secure: false, requireTLS: false, ignoreTLS: false, auth: null },
  ],
  [
    'smtp://[::1]:2525?ignoreTLS=true',
    { host: '::1', port: 2525, secure: false, requireTLS: false, ignoreTLS: true, auth: null },
  ],
])('%s', (url, expected) => {
  expect(readSmtpUrl(url)).toEqual(expected);
});

test.each([
  'mail.example.com',
  'http://mail.example.com',
  'smtp://',
  'smtp://h/path',
  'smtp://h?tls.rejectUnauthorized=false',
  'smtp://u%zz@h',
  'smtp://127.0.0.1.example.com:99999',
])('%s is refused, without repeating it', (url) => {
  const parsed = connection.settings.safeParse({ smtp_url: url, from: 'a@example.com' });
  expect(parsed.success).toBe(false);
  expect(parsed.error?.message).toContain('expected smtp://');
});

test.each(['127.0.0.1.example.com', 'localhost.example.com'])('%s is not this machine', (host) => {
  expect(readSmtpUrl(`smtp://${host}`)?.requireTLS).toBe(true);
});

test.each([
  ['ann@example.com', { name: '', address: 'ann@example.com' }],
  ['Ann Lee <ann@example.com>', { name: 'Ann Lee', address: 'ann@example.com' }],
  ['"Lee, Ann" <ann@example.com>', { name: 'Lee, Ann', address: 'ann@example.com' }],
  [' <ann@example.com> ', { name: '', address: 'ann@example.com' }],
  ['ann', null],
  ['ann@example.com bob@example.com', null],
  [`${'a'.repeat(400)}@example.com`, null],
])('mailbox %s', (text, expected) => {
  expect(readMailbox(text)).toEqual(expected);
});
