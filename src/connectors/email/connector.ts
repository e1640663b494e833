import { z } from 'zod';
import { isLoopback } from '../../net/host-list';
import { secret } from '../../settings/secret';
import { defineConnector } from '../connector';
import type { OAuthApp } from './access-tokens';
import { readMailbox } from './addresses';
import { proofs } from './prove';
import { sendMail } from './send';
import { readSmtpUrl } from './smtp-url';

const FROM_FORM = 'expected one e-mail address, such as Bridge <bridge@example.com>';

const settings = z
  .strictObject({
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
    oauth_token_url: z
      .url()
      .refine(isSafeUrl, 'expected https://')
      .optional()
      .describe(
        'Logs in by OAuth2 instead of a password: where access tokens are given, such as https://login.microsoftonline.com/TENANT/oauth2/v2.0/token or https://oauth2.googleapis.com/token.',
      ),
    oauth_client_id: z.string().min(1).optional().describe('The id of the app that is registered for the bridge.'),
    oauth_client_secret: secret().optional().describe('Its secret.'),
    oauth_refresh_token: secret()
      .optional()
      .describe('A refresh token of the user. Without one, the app gets tokens for itself (client_credentials).'),
    oauth_scope: z
      .string()
      .min(1)
      .optional()
      .describe(
        'The scope of the tokens: https://outlook.office365.com/.default for Microsoft 365; Google needs none.',
      ),
  })
  .superRefine((value, context) => {
    for (const [key, message] of problemsOfOAuth(value)) {
      context.addIssue({ code: 'custom', path: [key], message });
    }
  });

type EmailSettings = z.infer<typeof settings>;

function isSafeUrl(text: string): boolean {
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

type OAuthSettings = Pick<
  EmailSettings,
  'smtp_url' | 'oauth_token_url' | 'oauth_client_id' | 'oauth_client_secret' | 'oauth_refresh_token' | 'oauth_scope'
>;

/** What does not fit together, by setting. */
function problemsOfOAuth(value: OAuthSettings): [keyof OAuthSettings, string][] {
  if (value.oauth_token_url === undefined) {
    const others = ['oauth_client_id', 'oauth_client_secret', 'oauth_refresh_token', 'oauth_scope'] as const;
    return others.filter((key) => value[key] !== undefined).map((key) => [key, 'needs oauth_token_url too']);
  }
  const read = readSmtpUrl(value.smtp_url.reveal());
  return [
    ...(value.oauth_client_id === undefined
      ? [['oauth_token_url', 'needs oauth_client_id too'] satisfies [keyof OAuthSettings, string]]
      : []),
    ...(value.oauth_client_secret === undefined && value.oauth_refresh_token === undefined
      ? [
          ['oauth_token_url', 'needs oauth_client_secret or oauth_refresh_token too'] satisfies [
            keyof OAuthSettings,
            string,
          ],
        ]
      : []),
    ...('server' in read && (read.server.auth?.pass ?? '') !== ''
      ? [
          ['smtp_url', 'has a password, and oauth_token_url is set: leave one out'] satisfies [
            keyof OAuthSettings,
            string,
          ],
        ]
      : []),
  ];
}

function oauthOf(value: OAuthSettings): OAuthApp | null {
  return value.oauth_token_url === undefined || value.oauth_client_id === undefined
    ? null
    : {
        tokenUrl: value.oauth_token_url,
        clientId: value.oauth_client_id,
        clientSecret: value.oauth_client_secret ?? null,
        refreshToken: value.oauth_refresh_token ?? null,
        scope: value.oauth_scope ?? null,
      };
}

/** Mail over SMTP. */
export const email = defineConnector({
  name: 'email',
  summary: 'E-mail over SMTP, with recordings attached or linked.',
  connection: {
    settings,
    environment: {
      smtp_url: 'SMTP_URL',
      from: 'MAIL_FROM',
      oauth_token_url: 'SMTP_OAUTH_TOKEN_URL',
      oauth_client_id: 'SMTP_OAUTH_CLIENT_ID',
      oauth_client_secret: 'SMTP_OAUTH_CLIENT_SECRET',
      oauth_refresh_token: 'SMTP_OAUTH_REFRESH_TOKEN',
      oauth_scope: 'SMTP_OAUTH_SCOPE',
    },
    credentials: ['smtp_url', 'from'],
    plainTextHost: ({ smtp_url }) => {
      const read = readSmtpUrl(smtp_url.reveal());
      return 'problem' in read || read.server.secure || read.server.requireTLS
        ? null
        : { key: 'smtp_url', host: read.server.host };
    },
    open: async (given: EmailSettings) => {
      const { smtp_url, from, max_attachment_bytes } = given;
      const read = readSmtpUrl(smtp_url.reveal());
      const sender = readMailbox(from);
      if ('problem' in read || sender === null) {
        throw new TypeError('problem' in read ? read.problem : FROM_FORM);
      }
      const { Mailer } = await import('./mailer.js');
      return new Mailer({
        server: read.server,
        from: sender,
        maxAttachmentBytes: max_attachment_bytes,
        oauth: oauthOf(given),
      });
    },
    close: async (mailer) => mailer.close(),
    check: async (mailer, signal) => {
      await mailer.verify(signal);
      return `mail server ${mailer.host}`;
    },
    prove: proofs,
    standIn: async (options) => (await import('./stand-in.js')).startEmailStandIn(options),
  },
  actions: { send: sendMail },
});
