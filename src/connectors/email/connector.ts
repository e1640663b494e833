import { z } from 'zod';
import { secret, type Secret } from '../../settings/secret';
import { defineConnector } from '../connector';
import { readMailbox } from './addresses';
import { sendMail } from './send';
import { readSmtpUrl } from './smtp-url';

const FROM_FORM = 'expected one e-mail address, such as Bridge <bridge@example.com>';

const settings = z.strictObject({
  smtp_url: secret()
    .superRefine((value, context) => {
      const read = readSmtpUrl(value.reveal());
      if ('problem' in read) {
        context.addIssue({ code: 'custom', message: read.problem });
      }
    })
    .describe(
      "The mail server: smtp://user:password@host:587 (requires TLS unless ?requireTLS=false) or smtps://...:465. ?name=mail.example.com is the name given in EHLO; default: the sender's domain.",
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
      const read = readSmtpUrl(smtp_url.reveal());
      return 'problem' in read || read.server.secure || read.server.requireTLS
        ? null
        : { key: 'smtp_url', host: read.server.host };
    },
    open: async ({ smtp_url, from, max_attachment_bytes }: EmailSettings) => {
      const read = readSmtpUrl(smtp_url.reveal());
      const sender = readMailbox(from);
      if ('problem' in read || sender === null) {
        throw new TypeError('problem' in read ? read.problem : FROM_FORM);
      }
      const { Mailer } = await import('./mailer.js');
      return new Mailer({ server: read.server, from: sender, maxAttachmentBytes: max_attachment_bytes });
    },
    close: async (mailer) => mailer.close(),
    check: async (mailer, signal) => {
      await mailer.verify(signal);
      return `mail server ${mailer.host}`;
    },
    standIn: async (options) => (await import('./stand-in.js')).startEmailStandIn(options),
  },
  actions: { send: sendMail },
});
