import type { StepErrorCode } from '../../errors/step-errors';
import { z } from 'zod';
import { ActionError, type ActionErrorDetail, providerCode } from '../action-error';

const CONNECTION = 'email';

/**
 * Why a mail was not known to be sent. `maybe_sent`: the whole mail went out and the server's word was lost, so it may
 * be on its way. `too_large`: the server does not accept mail of this size.
 */
export interface MailFailure {
  error: ActionError;
  maybeSent: boolean;
  tooLarge: boolean;
}

/**
 * What the mail library puts on its errors (reference connectors.md 3). Messages and responses are left alone: they
 * hold addresses.
 */
const thrown = z.object({
  code: z.string().optional(),
  responseCode: z.number().optional(),
  permanent: z.boolean().optional(),
});

const REFUSED_HERE = new Set(['EENVELOPE', 'ECONFIG', 'EMAXRECIPIENTS', 'EFILEACCESS', 'EURLACCESS', 'EREQUIRETLS']);
const LOGIN = new Set(['EAUTH', 'ENOAUTH', 'EOAUTH2']);
/** 530: log in first; 534, 535, 538: this login does not do. */
const LOGIN_CODES = new Set([530, 534, 535, 538]);
const TOO_LARGE_CODES = new Set([552, 523]);
const CODES: Readonly<Record<string, StepErrorCode>> = {
  ETIMEDOUT: 'timeout',
  ECONNECTION: 'connection_lost',
  ESOCKET: 'network',
  EDNS: 'dns',
  EABORT: 'cancelled',
};

/**
 * @param wholeMailSent whether the last byte of the mail had been handed to the connection: before that, no server can
 *   have accepted it.
 */
export function mailFailure(error: unknown, wholeMailSent: boolean): MailFailure {
  const parsed = thrown.safeParse(error);
  const { code = '', responseCode, permanent } = parsed.success ? parsed.data : {};
  const fail = (failure: ActionError, more: Partial<MailFailure> = {}): MailFailure => ({
    error: failure,
    maybeSent: false,
    tooLarge: false,
    ...more,
  });

  if (LOGIN.has(code) ? responseCode === undefined || responseCode >= 500 : LOGIN_CODES.has(responseCode ?? 0)) {
    return fail(
      new ActionError('credential', `the mail server refuses the login${inBrackets(responseCode)}`, {
        connection: CONNECTION,
        code: responseCode === undefined ? 'login' : `smtp_${responseCode}`,
        remedy: 'Look at user and password in SMTP_URL; characters like @ in them are percent-encoded.',
      }),
    );
  }
  if (code === 'ETLS') {
    return fail(
      new ActionError('credential', 'no encrypted connection to the mail server could be made', {
        connection: CONNECTION,
        code: 'tls',
        remedy: "Look at the server's certificate, or add ?requireTLS=false to SMTP_URL if it offers no TLS.",
      }),
    );
  }
  if (responseCode !== undefined) {
    const detail: ActionErrorDetail = { connection: CONNECTION, code: `smtp_${responseCode}` };
    return permanent === true
      ? fail(
          new ActionError('permanent', `the mail server refused the mail (${responseCode})`, {
            ...detail,
            remedy: remedyOf(responseCode),
          }),
          {
            tooLarge: TOO_LARGE_CODES.has(responseCode),
          },
        )
      : fail(new ActionError('transient', `the mail server put the mail off (${responseCode})`, detail));
  }
  if (REFUSED_HERE.has(code)) {
    return fail(
      new ActionError('permanent', `the mail cannot be sent as it is (${code})`, {
        connection: CONNECTION,
        code: providerCode(code.toLowerCase()),
        remedy: "Look at the recipients and at the connection's settings.",
      }),
      { tooLarge: false },
    );
  }
  const word = CODES[code] ?? 'network';
  return fail(
    new ActionError(
      'transient',
      wholeMailSent
        ? `the mail server did not say whether it took the mail (${word})`
        : `the mail server could not be reached (${word})`,
      {
        connection: CONNECTION,
        code: wholeMailSent ? 'answer_lost' : word,
      },
    ),
    { maybeSent: wholeMailSent },
  );
}

function inBrackets(responseCode: number | undefined): string {
  return responseCode === undefined ? '' : ` (${responseCode})`;
}

function remedyOf(responseCode: number): string {
  return TOO_LARGE_CODES.has(responseCode)
    ? 'Lower max_attachment_bytes below what the mail server takes.'
    : 'Look at the recipients, and whether the server lets MAIL_FROM send.';
}
