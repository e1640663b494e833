import { Transform } from 'node:stream';
import { createTransport } from 'nodemailer';
import type { Mailbox } from './addresses';
import { mailFailure, type MailFailure } from './mail-failure';
import type { SmtpServer } from './smtp-url';

/** A mail, ready to be sent. */
export interface Mail {
  /** With its angle brackets. */
  messageId: string;
  to: readonly Mailbox[];
  cc: readonly Mailbox[];
  subject: string;
  text: string;
  html: string | null;
  attachments: readonly { name: string; content: Buffer }[];
}

/** How many recipients the server took, or why the mail was not known to be sent. */
export type SendResult =
  { outcome: 'sent'; accepted: number; rejected: number } | { outcome: 'failed'; failure: MailFailure };

/** The time one exchange with the server may take. Milliseconds. */
export interface MailTimeouts {
  connect: number;
  greeting: number;
  /** The longest silence in a conversation, also after the whole mail was sent. */
  silence: number;
}

const TIMEOUTS: MailTimeouts = { connect: 10_000, greeting: 10_000, silence: 60_000 };
const MOST_RECIPIENTS = 100;

/**
 * The mail server, over a small pool of connections.
 *
 * Guaranteed: every send ends, in time or by its signal; files and addresses of this machine are never read into a
 * mail; a result of `failed` without `maybeSent` means that no server has taken the mail. Not guaranteed: delivery. A
 * server that took a mail may still bounce it.
 */
export class Mailer {
  /** The mail server's name. */
  readonly host: string;
  readonly from: Mailbox;
  readonly maxAttachmentBytes: number;
  readonly #transport;
  /** Message-IDs whose last byte has been handed to the connection. */
  readonly #wholeSent = new Set<string>();

  constructor(server: SmtpServer, from: Mailbox, maxAttachmentBytes: number, timeouts: MailTimeouts = TIMEOUTS) {
    this.host = server.host;
    this.from = from;
    this.maxAttachmentBytes = maxAttachmentBytes;
    this.#transport = createTransport({
      pool: true,
      host: server.host,
      port: server.port,
      secure: server.secure,
      requireTLS: server.requireTLS,
      ignoreTLS: server.ignoreTLS,
      ...(server.auth === null ? {} : { auth: server.auth }),
      tls: { minVersion: 'TLSv1.2' },
      maxConnections: 3,
      maxMessages: 100,
      // The step decides whether to send again: it counts what may have been sent.
      maxRequeues: 0,
      idleTimeout: 30_000,
      connectionTimeout: timeouts.connect,
      greetingTimeout: timeouts.greeting,
      socketTimeout: timeouts.silence,
      dnsTimeout: 5_000,
      disableFileAccess: true,
      disableUrlAccess: true,
      maxRecipients: MOST_RECIPIENTS,
    });
    this.#transport.use('stream', (mail, done) => {
      const { messageId } = mail.data;
      mail.message.transform(
        new Transform({
          transform: (chunk, _encoding, next) => next(null, chunk),
          flush: (next) => {
            if (typeof messageId === 'string') {
              this.#wholeSent.add(messageId);
            }
            next();
          },
        }),
      );
      done();
    });
  }

  /** Sends one mail. Does not throw: whatever happened is in the result. */
  async send(mail: Mail, signal: AbortSignal): Promise<SendResult> {
    this.#wholeSent.delete(mail.messageId);
    try {
      const sent = await this.#transport.sendMail({
        from: this.from,
        to: [...mail.to],
        cc: [...mail.cc],
        messageId: mail.messageId,
        subject: mail.subject,
        text: mail.text,
        ...(mail.html === null ? {} : { html: mail.html }),
        attachments: mail.attachments.map(({ name, content }) => ({
          filename: name,
          content,
          contentType: 'audio/wav',
        })),
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
        xMailer: false,
        signal,
      });
      return { outcome: 'sent', accepted: sent.accepted.length, rejected: sent.rejected.length };
    } catch (error) {
      return { outcome: 'failed', failure: mailFailure(error, this.#wholeSent.has(mail.messageId)) };
    } finally {
      this.#wholeSent.delete(mail.messageId);
    }
  }

  /** Connects and logs in. Throws ActionError. */
  async verify(): Promise<void> {
    try {
      await this.#transport.verify();
    } catch (error) {
      throw mailFailure(error, false).error;
    }
  }

  close(): void {
    this.#transport.close({ force: true });
  }
}
