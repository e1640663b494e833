import type { ActionErrorCode } from '../action-error';

/** The part of a conversation in which a server refused. */
export type SmtpStage = 'greeting' | 'ehlo' | 'tls' | 'login' | 'sender' | 'recipient' | 'message';

/** A server's refusal. Its text holds addresses: it is looked at here, and goes nowhere else. */
export interface SmtpReply {
  stage: SmtpStage;
  /** 4xx or 5xx. */
  status: number;
  text: string;
}

/** Why a server refused; `mail-failure.ts` says what each means for the step. */
export type SmtpCause =
  | 'account_blocked'
  | 'app_password'
  | 'content'
  | 'deferred'
  | 'ehlo_deferred'
  | 'ehlo_name'
  | 'host_refused'
  | 'internationalised'
  | 'login'
  | 'login_needed'
  | 'mailbox_full'
  | 'not_now'
  | 'password_off'
  | 'recipient'
  | 'relay'
  | 'sender'
  | 'sender_domain'
  | 'sending_limit'
  | 'server'
  | 'tls_needed'
  | 'too_large';

interface Rule {
  cause: SmtpCause;
  stage?: readonly SmtpStage[];
  status?: readonly number[];
  /** Matched against the enhanced status code; '' where the server gave none. */
  enhanced?: RegExp;
  text?: RegExp;
}

const LIMIT =
  /\b(?:daily|hourly|sending|sent|relay|outgoing|outbound|rate|submission)\b[^.]{0,60}\b(?:limit|quota)|too many (?:messages|mails|emails)/i;
const MAILBOX = /mailbox|over ?quota|quota exceeded|storage|\bfull\b/i;

/**
 * What a refusal is about, the first rule that fits. Sources: RFC 3463 and the registry of enhanced status codes at
 * IANA, RFC 4954 (login), RFC 7372 (authentication of the sender); "Gmail SMTP errors and codes" and "SMTP relay errors"
 * of Google; "Email non-delivery reports in Exchange Online" of Microsoft. Texts are those of Postfix and Sendmail, which
 * refuse the greeting and the sender only at RCPT (`smtpd_delay_reject`).
 */
const RULES: readonly Rule[] = [
  // Login.
  { cause: 'tls_needed', status: [530, 538, 550, 554], text: /starttls|encryption required|secure connection/i },
  { cause: 'tls_needed', enhanced: /^5\.7\.1[01]$/, stage: ['login', 'sender'] },
  { cause: 'password_off', enhanced: /^5\.7\.(?:30|139)$/ },
  { cause: 'app_password', enhanced: /^5\.7\.(?:9|14)$/, stage: ['login'] },
  { cause: 'login_needed', status: [530] },
  { cause: 'login_needed', enhanced: /^5\.7\.57$/ },
  {
    cause: 'login_needed',
    status: [503, 550, 554],
    text: /auth(?:entication|entification)? (?:is )?required|must auth/i,
  },
  { cause: 'login', status: [534, 535, 538] },
  { cause: 'login', stage: ['login'] },
  // This machine and its name.
  { cause: 'ehlo_name', stage: ['ehlo'] },
  { cause: 'ehlo_name', text: /\b(?:helo|ehlo)\b|helohost/i },
  { cause: 'host_refused', stage: ['greeting'] },
  { cause: 'host_refused', text: /client host rejected/i },
  { cause: 'host_refused', enhanced: /^5\.7\.25$/ },
  // Sizes and mailboxes, before limits: their texts speak of quotas too.
  { cause: 'sending_limit', enhanced: /^5\.2\.2$/, text: /submission/i },
  { cause: 'mailbox_full', enhanced: /^5\.2\.2$/ },
  { cause: 'too_large', enhanced: /^5\.(?:2\.3|3\.4)$/ },
  { cause: 'mailbox_full', status: [552], enhanced: /^$/, stage: ['recipient'] },
  { cause: 'mailbox_full', status: [552], enhanced: /^$/, text: MAILBOX },
  { cause: 'too_large', status: [523, 552], enhanced: /^$/ },
  { cause: 'internationalised', enhanced: /^5\.6\.7$/ },
  // The account.
  { cause: 'sending_limit', enhanced: /^5\.(?:4\.5|1\.90)$/ },
  { cause: 'sending_limit', text: LIMIT },
  {
    cause: 'relay',
    text: /relay(?:ing)?\b[^.]{0,30}\b(?:denied|not permitted|not allowed|prohibited)|(?:unable|not permitted|not allowed) to relay/i,
  },
  { cause: 'sender', enhanced: /^5\.(?:1\.7|2\.252|7\.60)$/ },
  { cause: 'account_blocked', enhanced: /^5\.1\.8$/, text: /outbound|spam|blocked/i },
  { cause: 'sender', enhanced: /^5\.1\.8$/ },
  {
    cause: 'sender',
    text: /sender address rejected|send ?as ?denied|send(?:ing)? (?:as|from) this (?:sender|address)|not owned by user/i,
  },
  { cause: 'sender_domain', enhanced: /^5\.7\.(?:2[0-46-7]|509)$/ },
  { cause: 'account_blocked', enhanced: /^5\.7\.(?:50[1-8]|51[1-3]|6[0-4]\d|7\d\d)$/ },
  { cause: 'not_now', text: /try (?:again|it) later|temporar/i },
  { cause: 'sender', stage: ['sender'] },
  { cause: 'server', enhanced: /^5\.3\.[1235]$/ },
  // The recipient or the mail.
  { cause: 'recipient', stage: ['recipient'] },
  { cause: 'recipient', enhanced: /^5\.(?:1\.\d+|2\.\d+|4\.\d+)$/ },
];

/** The enhanced status code (RFC 3463) of a reply; null where it has none. It holds no personal data. */
export function enhancedStatusOf({ status, text }: Pick<SmtpReply, 'status' | 'text'>): string | null {
  const found = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})(?!\S)/.exec(text)?.[1] ?? null;
  // The first digits of both say the same (RFC 3463 section 2); a code that contradicts its reply proves nothing.
  return found?.startsWith(String(status)[0] ?? '') === true ? found : null;
}

/** The code that people see: `smtp_550_5.4.5`, or `smtp_550` where the server gave no enhanced code. */
export function codeOf(reply: SmtpReply): ActionErrorCode {
  const enhanced = enhancedStatusOf(reply);
  return enhanced === null ? `smtp_${reply.status}` : `smtp_${reply.status}_${enhanced}`;
}

/** Why the server refused. A reply of 4xx asks to try again, whatever it is about. */
export function causeOf(reply: SmtpReply): SmtpCause {
  const enhanced = enhancedStatusOf(reply) ?? '';
  if (reply.status < 500) {
    return reply.stage === 'ehlo' ? 'ehlo_deferred' : 'deferred';
  }
  const rule = RULES.find(
    (candidate) =>
      (candidate.stage?.includes(reply.stage) ?? true) &&
      (candidate.status?.includes(reply.status) ?? true) &&
      (candidate.enhanced?.test(enhanced) ?? true) &&
      (candidate.text?.test(reply.text) ?? true),
  );
  return rule?.cause ?? (reply.status === 503 ? 'not_now' : 'content');
}
