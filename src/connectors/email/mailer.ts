import { Transform } from 'node:stream';
import { createTransport } from 'nodemailer';
import XOAuth2 from 'nodemailer/lib/xoauth2';
import { z } from 'zod';
import { ActionError } from '../action-error';
import { AccessTokens, type OAuthApp } from './access-tokens';
import { domainOf, readMailbox, type Mailbox } from './addresses';
import { mailFailure, replyFailure, type LoginMethod, type MailFailure } from './mail-failure';
import { openSmtpSession, type SessionOptions, type SmtpSession } from './smtp-session';
import type { SmtpServer } from './smtp-url';

/** A mail, ready to be sent. */
export interface Mail {
  /** With its angle brackets. */
  messageId: string;
  to: readonly Mailbox[];
  cc: readonly Mailbox[];
  /** The addresses that get it now, each once; `to` and `cc` are what its readers see. */
  recipients: readonly string[];
  subject: string;
  text: string;
  html: string | null;
  attachments: readonly { name: string; content: Buffer }[];
}

/**
 * What the server said: `answered` names the recipients that it refused, which may be all of them; all others have the
 * mail. `failed`: the mail was not known to be sent to anybody.
 */
export type SendResult =
  | {
      outcome: 'answered';
      refused: ReadonlyMap<string, MailFailure>;
      /** Whether the server said that it gave the mail an id of its own, as Microsoft 365 and Amazon SES do. */
      replacesMessageId: boolean;
    }
  | { outcome: 'failed'; failure: MailFailure };

/** The time one exchange with the server may take. Milliseconds. */
export interface MailTimeouts {
  /** Until the conversation has begun: connection, greeting and TLS. */
  connect: number;
  /** Until the server has asked for the text of a mail: the wait for a free connection included. */
  begin: number;
  /** The longest silence in a conversation, also after the whole mail was sent. */
  silence: number;
}

/**
 * RFC 5321 section 4.5.3.2 asks a client to wait ten minutes for the answer to the final dot: servers scan the mail
 * before they answer. An earlier end would send it twice.
 */
export const TIMEOUTS: MailTimeouts = { connect: 30_000, begin: 6 * 60_000, silence: 11 * 60_000 };
const MOST_RECIPIENTS = 100;
/** In the library's form. */
const TOO_LONG = { code: 'ETIMEDOUT' };

/** How to make a {@link Mailer}. */
export interface MailerOptions {
  server: SmtpServer;
  from: Mailbox;
  maxAttachmentBytes: number;
  /** Logs in by an access token, as the user of the URL or else the sender; null: with the password of the URL. */
  oauth?: OAuthApp | null;
  timeouts?: Partial<MailTimeouts>;
}

const serverMessageId = z.object({ serverMessageId: z.string() });
const refusedRecipients = z.object({ rejectedErrors: z.array(z.looseObject({ recipient: z.string() })) });

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
  /** The name given in EHLO. */
  readonly ehloName: string;
  readonly maxAttachmentBytes: number;
  readonly #method: LoginMethod;
  readonly #options;
  readonly #openLogin: () => SessionOptions['login'];
  readonly #tokens: AccessTokens | null;
  readonly #transport;
  readonly #beginMs: number;
  /** How far the mails that are being sent are, by Message-ID. */
  readonly #underWay = new Map<string, { stage: 'waiting' | 'begun' | 'whole' }>();

  constructor({ server, from, maxAttachmentBytes, oauth = null, timeouts = {} }: MailerOptions) {
    const { connect, begin, silence } = { ...TIMEOUTS, ...timeouts };
    this.#beginMs = begin;
    this.host = server.host;
    this.from = from;
    // The name of a machine in a container is no domain, and many servers refuse it.
    this.ehloName = server.name ?? domainOf(from);
    this.maxAttachmentBytes = maxAttachmentBytes;
    this.#tokens = oauth === null ? null : new AccessTokens(oauth);
    this.#method = oauth !== null ? 'oauth' : server.auth === null ? 'none' : 'password';
    const user = server.auth?.user ?? from.address;
    this.#options = {
      host: server.host,
      port: server.port,
      secure: server.secure,
      requireTLS: server.requireTLS,
      ignoreTLS: server.ignoreTLS,
      name: this.ehloName,
      tls: { minVersion: 'TLSv1.2' },
      connectionTimeout: connect,
      greetingTimeout: connect,
      socketTimeout: silence,
      dnsTimeout: 5_000,
    } as const;
    const login = this.#tokens === null ? server.auth : loginWith(this.#tokens, user);
    this.#openLogin = () =>
      login !== null && 'provisionCallback' in login ? { user, method: 'XOAUTH2', oauth2: new XOAuth2(login) } : login;
    this.#transport = createTransport({
      ...this.#options,
      ...(login === null ? {} : { auth: login }),
      pool: true,
      maxConnections: 3,
      maxMessages: 100,
      // The step decides whether to send again: it counts what may have been sent.
      maxRequeues: 0,
      idleTimeout: 30_000,
      disableFileAccess: true,
      disableUrlAccess: true,
      maxRecipients: MOST_RECIPIENTS,
    });
    this.#transport.use('stream', (mail, done) => {
      const reach = (stage: 'begun' | 'whole'): void => {
        const sending = this.#underWay.get(String(mail.data.messageId));
        if (sending !== undefined) {
          sending.stage = stage;
        }
      };
      mail.message.transform(
        new Transform({
          transform: (chunk, _encoding, next) => {
            reach('begun');
            next(null, chunk);
          },
          // The last byte has been handed to the connection.
          flush: (next) => {
            reach('whole');
            next();
          },
        }),
      );
      done();
    });
  }

  /** Sends one mail. Does not throw: whatever happened is in the result. */
  async send(mail: Mail, signal: AbortSignal): Promise<SendResult> {
    const sending: { stage: 'waiting' | 'begun' | 'whole' } = { stage: 'waiting' };
    this.#underWay.set(mail.messageId, sending);
    const tooLong = new AbortController();
    // Behind a server that answers nobody, a mail would wait for a connection until its attempt counts as one that may
    // have sent it.
    const timer = setTimeout(() => sending.stage === 'waiting' && tooLong.abort(), this.#beginMs);
    try {
      const sent = await this.#transport.sendMail({
        from: this.from,
        to: [...mail.to],
        cc: [...mail.cc],
        envelope: { from: this.from.address, to: [...mail.recipients] },
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
        signal: AbortSignal.any([signal, tooLong.signal]),
      });
      return {
        outcome: 'answered',
        refused: this.#refusedIn(sent),
        replacesMessageId: serverMessageId.safeParse(sent).success,
      };
    } catch (error) {
      const refused = this.#refusedIn(error);
      return refused.size > 0
        ? { outcome: 'answered', refused, replacesMessageId: false }
        : {
            outcome: 'failed',
            failure: this.#failure(tooLong.signal.aborted ? TOO_LONG : error, sending.stage === 'whole'),
          };
    } finally {
      clearTimeout(timer);
      this.#underWay.delete(mail.messageId);
    }
  }

  /** A token that worked and works no more is renewed at the next login, which is no reason to park the connection. */
  #failure(error: unknown, wholeMailSent: boolean): MailFailure {
    const failure = mailFailure(error, wholeMailSent, this.#method);
    if (!isRefusedLogin(error) || this.#tokens?.forget() !== true) {
      return failure;
    }
    const { code } = failure.error.detail;
    return {
      ...failure,
      error: new ActionError('transient', 'the mail server takes the access token no more; a new one is fetched', {
        connection: 'email',
        code,
      }),
    };
  }

  /** The recipients that the library's result, or its error when none was taken, says were refused. */
  #refusedIn(answer: unknown): ReadonlyMap<string, MailFailure> {
    const parsed = refusedRecipients.safeParse(answer);
    const errors = parsed.success ? parsed.data.rejectedErrors : [];
    return new Map(
      // The library gives domains in Unicode or ASCII, by its own rules.
      errors.map((error) => [readMailbox(error.recipient)?.address ?? error.recipient, this.#failure(error, false)]),
    );
  }

  /**
   * Connects, logs in, and asks whether the server lets MAIL_FROM send. Nothing is sent.
   * @throws ActionError
   */
  async verify(signal: AbortSignal): Promise<void> {
    const session = await this.openSession(signal);
    try {
      const refusal = await session.offerSender(this.from.address);
      if (refusal !== null) {
        throw replyFailure(refusal, this.#method).error;
      }
    } catch (error) {
      throw this.#failure(error, false).error;
    } finally {
      session.close();
    }
  }

  /**
   * Opens a conversation of its own, logged in.
   * @throws ActionError
   */
  async openSession(signal: AbortSignal): Promise<SmtpSession> {
    try {
      return await openSmtpSession({ ...this.#options, login: this.#openLogin() }, signal);
    } catch (error) {
      throw this.#failure(error, false).error;
    }
  }

  async close(): Promise<void> {
    this.#transport.close({ force: true });
    await this.#tokens?.close();
  }
}

function isRefusedLogin(error: unknown): boolean {
  return error instanceof Error && !(error instanceof ActionError) && 'code' in error && error.code === 'EAUTH';
}

/** The library's login by a token: it asks for one per conversation, and for a new one when the server refuses it. */
function loginWith(tokens: AccessTokens, user: string) {
  return {
    type: 'OAuth2',
    user,
    provisionCallback: (_user: string, renew: boolean, done: (error: Error | null, token?: string) => void): void => {
      tokens.get(renew).then(
        (token) => done(null, token),
        (error: unknown) => done(error instanceof Error ? error : new Error('no access token')),
      );
    },
  } as const;
}
