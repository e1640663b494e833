import { z } from 'zod';
import type { ErrorClass, StepErrorCode } from '../../errors/step-errors';
import { ActionError, providerCode } from '../action-error';
import { isCertificateCode, remedyOfCertificate } from '../network-failure';
import { causeOf, codeOf, enhancedStatusOf, type SmtpCause, type SmtpReply, type SmtpStage } from './smtp-reply';

const CONNECTION = 'email';
const NOT_NOW_WAIT_MS = 15 * 60_000;

/**
 * Why a mail was not known to be sent. `maybe_sent`: the whole mail went out and the server's word was lost, so it may
 * be on its way. `too_large`: the server does not accept mail of this size.
 */
export interface MailFailure {
  error: ActionError;
  maybeSent: boolean;
  tooLarge: boolean;
}

/** How the connection logs in, which decides what a refused login means. */
export type LoginMethod = 'password' | 'oauth' | 'none';

/**
 * What the mail library puts on its errors (reference connectors.md 3). Messages are left alone, and of responses only
 * codes leave this room: they hold addresses.
 */
const thrown = z.object({
  code: z.string().optional(),
  originalCode: z.string().optional(),
  responseCode: z.number().optional(),
  response: z.string().optional(),
  command: z.string().optional(),
});

type Thrown = z.infer<typeof thrown>;

const REFUSED_HERE = new Set([
  'EENVELOPE',
  'EMESSAGE',
  'ECONFIG',
  'EMAXRECIPIENTS',
  'EFILEACCESS',
  'EURLACCESS',
  'EREQUIRETLS',
]);
const LOGIN = new Set(['EAUTH', 'ENOAUTH', 'EOAUTH2']);
const CODES: Readonly<Record<string, StepErrorCode>> = {
  ETIMEDOUT: 'timeout',
  ECONNECTION: 'connection_lost',
  ESOCKET: 'network',
  EDNS: 'dns',
  EABORT: 'cancelled',
};

interface Meaning {
  class: ErrorClass;
  what: string;
  remedy?: string;
}

const NAME_REMEDY =
  "Give a name that the server accepts, usually one of your own domains: ?name=mail.example.com at the end of SMTP_URL. It is MAIL_FROM's domain by default.";

/** What each cause means for the step: the account's troubles park the connection once, for all mails. */
const MEANINGS: Readonly<Record<SmtpCause, Meaning>> = {
  account_blocked: {
    class: 'credential',
    what: 'the mail server has blocked the account or its address',
    remedy: 'Ask the provider of the mail server to lift the block.',
  },
  app_password: {
    class: 'credential',
    what: 'the mail server does not accept the password of the account itself',
    remedy: "Make an app password for the bridge in the account's security settings, or use OAuth2 (docs/mail.md).",
  },
  content: {
    class: 'permanent',
    what: 'the mail server refused the mail',
    remedy: 'Look at the text of the mail and its links: the server may take it for spam.',
  },
  deferred: { class: 'transient', what: 'the mail server put the mail off' },
  ehlo_deferred: {
    class: 'transient',
    what: 'the mail server ended the conversation at EHLO',
    remedy: `Nothing, unless it lasts: the server may dislike the name that the bridge gives. ${NAME_REMEDY}`,
  },
  ehlo_name: {
    class: 'credential',
    what: 'the mail server refuses the name that the bridge gives in EHLO',
    remedy: NAME_REMEDY,
  },
  host_refused: {
    class: 'credential',
    what: 'the mail server refuses this machine',
    remedy:
      "Use the provider's server for submission (port 587 or 465) with a login, or have this address allowed there.",
  },
  internationalised: {
    class: 'permanent',
    what: 'the mail server does not take an address with letters outside ASCII',
    remedy: 'Write the address in ASCII, or use a mail server with SMTPUTF8.',
  },
  login: {
    class: 'credential',
    what: 'the mail server refuses the login',
    remedy: 'Look at user and password in SMTP_URL; characters like @ in them are percent-encoded.',
  },
  login_needed: {
    class: 'credential',
    what: 'the mail server wants a login',
    remedy: 'Put user and password into SMTP_URL, or use OAuth2 (docs/mail.md).',
  },
  mailbox_full: {
    class: 'permanent',
    what: "the recipient's mailbox is full",
    remedy: 'Ask the recipient to make room, then retry the run.',
  },
  not_now: { class: 'transient', what: 'the mail server takes no such mail for now' },
  password_off: {
    class: 'credential',
    what: 'the mail server does not accept this login; Microsoft 365 has passwords for SMTP switched off by default',
    remedy:
      'Use OAuth2 (docs/mail.md), or have an administrator switch on "Authenticated SMTP" for the mailbox; then look at the password.',
  },
  recipient: {
    class: 'permanent',
    what: 'the mail server refused the recipient',
    remedy: 'Look at the address in the rule, or the field that it comes from.',
  },
  relay: {
    class: 'credential',
    what: 'the mail server does not send mail to others for this login',
    remedy: 'Put user and password into SMTP_URL, or have this machine allowed as a relay there.',
  },
  sender: {
    class: 'credential',
    what: 'the mail server does not let this login send as MAIL_FROM',
    remedy: 'Set MAIL_FROM to an address of the account, or have the account allowed to send as it.',
  },
  sender_domain: {
    class: 'credential',
    what: "the mail server does not trust mails from MAIL_FROM's domain",
    remedy: "Set up SPF, DKIM and DMARC for MAIL_FROM's domain, and send through a server that they allow.",
  },
  sending_limit: {
    class: 'credential',
    what: 'the account has reached its sending limit',
    remedy:
      'Wait until the provider lifts the limit (usually within 24 hours): the steps then continue by themselves. Or have it raised.',
  },
  server: {
    class: 'credential',
    what: 'the mail server does not take mail at all',
    remedy: "Look at the mail server's state.",
  },
  tls_needed: {
    class: 'credential',
    what: 'the mail server wants an encrypted connection first',
    remedy: 'Remove ignoreTLS and requireTLS=false from SMTP_URL, or use smtps://...:465.',
  },
  too_large: {
    class: 'permanent',
    what: 'the mail is larger than the mail server takes',
    remedy: 'Lower max_attachment_bytes below what the mail server takes.',
  },
};

const OAUTH_REMEDY =
  "Look at the app's permission to send mail as this user (Microsoft 365: SMTP.SendAsApp and the mailbox's permission for the app), and at the user in SMTP_URL.";
const OAUTH_CAUSES = new Set<SmtpCause>(['login', 'password_off', 'app_password']);

/**
 * @param wholeMailSent whether the last byte of the mail had been handed to the connection: before that, no server can
 *   have accepted it.
 */
export function mailFailure(error: unknown, wholeMailSent: boolean, method: LoginMethod): MailFailure {
  if (error instanceof ActionError) {
    return { error, maybeSent: false, tooLarge: false };
  }
  const parsed = thrown.safeParse(error);
  const found: Thrown = parsed.success ? parsed.data : {};
  const reply = replyOf(found);
  if (reply !== null) {
    return replyFailure(reply, method);
  }
  const { code = '' } = found;
  // After the last byte even an error of TLS leaves open whether the mail was taken.
  const known = wholeMailSent ? null : (tlsFailure(found) ?? (LOGIN.has(code) ? loginFailure(method) : null));
  if (known !== null) {
    return { error: known, maybeSent: false, tooLarge: false };
  }
  if (REFUSED_HERE.has(code)) {
    return {
      error: new ActionError('permanent', `the mail cannot be sent as it is (${code})`, {
        connection: CONNECTION,
        code: providerCode(code.toLowerCase()),
        remedy: "Look at the recipients and at the connection's settings.",
      }),
      maybeSent: false,
      // The library compares the size with what the server announced before it sends a byte.
      tooLarge: code === 'EMESSAGE',
    };
  }
  const word = CODES[code] ?? 'network';
  return {
    error: new ActionError(
      'transient',
      wholeMailSent
        ? `the mail server did not say whether it took the mail (${word})`
        : `the mail server could not be reached (${word})`,
      { connection: CONNECTION, code: wholeMailSent ? 'answer_lost' : word },
    ),
    maybeSent: wholeMailSent,
    tooLarge: false,
  };
}

/** What a refusal means for the step. Nothing of its text is in the result. */
export function replyFailure(reply: SmtpReply, method: LoginMethod): MailFailure {
  const cause = causeOf(reply);
  const meaning = MEANINGS[cause];
  const enhanced = enhancedStatusOf(reply);
  const remedy = method === 'oauth' && OAUTH_CAUSES.has(cause) ? OAUTH_REMEDY : meaning.remedy;
  return {
    error: new ActionError(
      meaning.class,
      `${meaning.what} (${reply.status}${enhanced === null ? '' : ` ${enhanced}`})`,
      {
        connection: CONNECTION,
        code: codeOf(reply),
        ...(remedy === undefined ? {} : { remedy }),
        ...(cause === 'not_now' ? { retryAfterMs: NOT_NOW_WAIT_MS } : {}),
      },
    ),
    maybeSent: false,
    tooLarge: cause === 'too_large',
  };
}

/** The server's refusal in an error of the library; null when the error is about something else. */
function replyOf({ code = '', responseCode, response = '', command = '' }: Thrown): SmtpReply | null {
  const isRefusal = responseCode !== undefined && responseCode >= 400 && responseCode <= 599;
  // A server without STARTTLS answers that it does not know the command.
  if (!isRefusal || (code === 'ETLS' && responseCode >= 500)) {
    return null;
  }
  return { stage: stageOf(code, command), status: responseCode, text: response };
}

function stageOf(code: string, command: string): SmtpStage {
  if (LOGIN.has(code)) {
    return 'login';
  }
  switch (command) {
    case 'EHLO':
    case 'HELO':
      return 'ehlo';
    case 'STARTTLS':
      return 'tls';
    case 'MAIL FROM':
      return 'sender';
    case 'RCPT TO':
      return 'recipient';
    case 'CONN':
      return code === 'EPROTOCOL' ? 'greeting' : 'message';
    default:
      return 'message';
  }
}

/** The server answers in plain text where TLS should begin. */
const NO_TLS_HERE = 'ERR_SSL_WRONG_VERSION_NUMBER';
const TLS = /^(?:ERR_TLS_|ERR_SSL_|EPROTO$)/;

/** An error about TLS. The library calls it a socket's, and keeps the cause in `originalCode`; null for other errors. */
function tlsFailure({ code, originalCode = '' }: Thrown): ActionError | null {
  if (isCertificateCode(originalCode) && originalCode !== NO_TLS_HERE) {
    return new ActionError('credential', `the certificate of the mail server is not accepted (${originalCode})`, {
      connection: CONNECTION,
      code: 'tls',
      remedy: remedyOfCertificate(originalCode),
    });
  }
  if (code === 'ETLS' || TLS.test(originalCode)) {
    return new ActionError('credential', 'no encrypted connection to the mail server could be made', {
      connection: CONNECTION,
      code: 'tls',
      remedy:
        'smtps:// is for ports with TLS from the first byte (465), smtp:// for STARTTLS (587); a server without TLS needs ?requireTLS=false.',
    });
  }
  return null;
}

/** A login that failed without a word of the server: there was nothing to log in with, or no method both know. */
function loginFailure(method: LoginMethod): ActionError {
  return new ActionError('credential', 'the login at the mail server cannot be made', {
    connection: CONNECTION,
    code: 'login',
    remedy: method === 'oauth' ? OAUTH_REMEDY : (MEANINGS.login.remedy ?? ''),
  });
}
