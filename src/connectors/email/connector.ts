import { z } from 'zod';
import { secret, type Secret } from '../../settings/secret';
import { defineConnector } from '../connector';
import { readMailbox } from './addresses';
import { sendMail } from './send';
import { readSmtpUrl } from './smtp-url';

const URL_FORM = 'expected smtp://user:password@host:587 or smtps://user:password@host:465';
const FROM_FORM = 'expected one e-mail address, such as Bridge <bridge@example.com>';

const settings = z.strictObject({
  smtp_url: secret()
    .refine((value) => readSmtpUrl(value.reveal()) !== null, URL_FORM)
    .describe(
      'The mail server: smtp://user:password@host:587 (requires TLS unless ?requireTLS=false) or smtps://...:465.',
    ),
  from: z
    .string()
    .refine((value) => readMailbox(value) !== null, FROM_FORM)
    .describe('Sender of all mails: Bridge <bridge@example.com>.'),
  max_attachment_bytes: z
    .int()
    .min(0)
    .default(15 * 1024 * 1024)
    .describe(
      'Recordings above this size, all legs together, are linked instead of attached. In the mail they grow by a third.',
    ),
});

interface EmailSettings {
  smtp_url: Secret;
  from: string;
  max_attachment_bytes: number;
}

/** Mail over SMTP. */
export const email = defineConnector({
  name: 'email',
  summary: 'E-mail over SMTP, with recordings attached or linked.',
  connection: {
    settings,
    environment: { smtp_url: 'SMTP_URL', from: 'MAIL_FROM' },
    credentials: ['smtp_url', 'from'],
    plainTextHost: ({ smtp_url }) => {
      const server = readSmtpUrl(smtp_url.reveal());
      return server === null || server.secure || server.requireTLS ? null : { key: 'smtp_url', host: server.host };
    },
    open: async ({ smtp_url, from, max_attachment_bytes }: EmailSettings) => {
      const server = readSmtpUrl(smtp_url.reveal());
      const sender = readMailbox(from);
      if (server === null || sender === null) {
        throw new TypeError(server === null ? URL_FORM : FROM_FORM);
      }
      const { Mailer } = await import('./mailer.js');
      return new Mailer(server, sender, max_attachment_bytes);
    },
    close: async (mailer) => mailer.close(),
    check: async (mailer) => {
      await mailer.verify();
      return `mail server ${mailer.host}`;
    },
    standIn: async (options) => (await import('./stand-in.js')).startEmailStandIn(options),
  },
  actions: { send: sendMail },
});
