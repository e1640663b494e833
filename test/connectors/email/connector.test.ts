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
  standIn.failNext({ stage: 'mail', code: 553, text: '5.7.1 <a@b.example>: Sender address rejected' });
  await expect(connection.check?.(mailer, new AbortController().signal, [])).rejects.toMatchObject({
    errorClass: 'credential',
    detail: { code: 'smtp_553_5.7.1', remedy: expect.stringContaining('MAIL_FROM') },
  });
  expect(standIn.messages).toEqual([]);
  expect(JSON.stringify(settings)).not.toContain('stand-in:');
  await connection.close?.(mailer);
  await standIn.stop();
});

const PLAIN = { secure: false, requireTLS: false, ignoreTLS: false, name: null, auth: null };

test.each([
  ['smtp://mail.example.com', { ...PLAIN, host: 'mail.example.com', port: 587, requireTLS: true }],
  [
    'smtp://u%40x:p%2F@mail.example.com:25?requireTLS=false',
    { ...PLAIN, host: 'mail.example.com', port: 25, auth: { user: 'u@x', pass: 'p/' } },
  ],
  [
    'smtps://u:p@mail.example.com',
    { ...PLAIN, host: 'mail.example.com', port: 465, secure: true, auth: { user: 'u', pass: 'p' } },
  ],
  ['smtp://127.0.0.1:2525', { ...PLAIN, host: '127.0.0.1', port: 2525 }],
  ['smtp://[::1]:2525?ignoreTLS=true', { ...PLAIN, host: '::1', port: 2525, ignoreTLS: true }],
  [
    'smtp://localhost:2525?name=mail.example.com',
    { ...PLAIN, host: 'localhost', port: 2525, name: 'mail.example.com' },
  ],
])('%s', (url, expected) => {
  expect(readSmtpUrl(url)).toEqual({ server: expected });
});

test.each([
  ['mail.example.com', 'expected smtp://'],
  ['http://mail.example.com', 'expected smtp://'],
  ['smtp://', 'expected smtp://'],
  ['smtp://h/path', 'expected smtp://'],
  ['smtp://u%zz@h', 'expected smtp://'],
  ['smtp://127.0.0.1.example.com:99999', 'expected smtp://'],
  ['smtp://h?tls.rejectUnauthorized=false', '`tls.rejectUnauthorized` is not a parameter'],
  ['smtp://h?tls.rejectUnauthorized=false', 'NODE_EXTRA_CA_CERTS'],
  ['smtp://h?pool=true', '`pool` is not a parameter of this URL (name, requireTLS, ignoreTLS)'],
  ['smtp://h?requireTLS=no', '`requireTLS` is true or false'],
  ['smtp://h?name=my host', '`name` is a host name'],
  ['smtp://h?name=', '`name` is a host name'],
  ['smtp://u:pass?w0rd@h', 'expected smtp://'],
])('%s is refused without repeating it: %s', (url, problem) => {
  const parsed = connection.settings.safeParse({ smtp_url: url, from: 'a@example.com' });
  expect(parsed.success).toBe(false);
  expect(parsed.error?.message).toContain(problem);
  expect(parsed.error?.message).not.toContain('w0rd@h');
});

test.each(['127.0.0.1.example.com', 'localhost.example.com'])('%s is not this machine', (host) => {
  expect(readSmtpUrl(`smtp://${host}`)).toMatchObject({ server: { requireTLS: true } });
});

test.each([
  ['ann@example.com', { name: '', address: 'ann@example.com' }],
  ['Ann Lee <ann@example.com>', { name: 'Ann Lee', address: 'ann@example.com' }],
  ['"Lee, Ann" <ann@example.com>', { name: 'Lee, Ann', address: 'ann@example.com' }],
  [' <ann@example.com> ', { name: '', address: 'ann@example.com' }],
  ['Lee, Ann <ann@example.com>', { name: 'Lee, Ann', address: 'ann@example.com' }],
  ['info@Bücher.example', { name: '', address: 'info@xn--bcher-kva.example' }],
  ['jörg@example.com', { name: '', address: 'jörg@example.com' }],
  ['用户@例子.example', { name: '', address: '用户@xn--fsqu00a.example' }],
  ['jörg @example.com', null],
  [`${'ö'.repeat(33)}@example.com`, null],
  ['ann@-example-.com', null],
  ['ann', null],
  ['ann@example.com bob@example.com', null],
  [`${'a'.repeat(400)}@example.com`, null],
  ['ann@example。org', { name: '', address: 'ann@example.org' }],
  ['eve@evil.example/.example.org', null],
  ['eve@evil.example?.example.org', null],
  ['ann@ex%61mple.org', null],
])('mailbox %s', (text, expected) => {
  expect(readMailbox(text)).toEqual(expected);
});
