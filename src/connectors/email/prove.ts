import { ActionError, providerCode } from '../action-error';
import type { Proof, ProofResult } from '../proof';
import { domainOf } from './addresses';
import { replyFailure } from './mail-failure';
import type { Mailer } from './mailer';
import { codeOf } from './smtp-reply';

/** What only a live mail server answers; none of it but the last makes anything. */
export const proofs: readonly Proof<Mailer>[] = [
  {
    name: 'mail-greeting',
    question: 'Does the mail server take the name that the bridge gives in EHLO, from this machine?',
    creates: 'nothing',
    run: async (mailer, { signal }) => {
      const session = await mailer.openSession(signal);
      session.close();
      return {
        answer: `It takes ${mailer.ehloName}, ${session.isEncrypted ? 'with' : 'without'} TLS, and announces ${session.extensions.join(', ') || 'no extensions'}.`,
        verdict: 'as_assumed',
        means: session.extensions.includes('SMTPUTF8')
          ? 'Addresses with letters outside ASCII work.'
          : 'Addresses with letters outside ASCII before the @ will be refused.',
      };
    },
  },
  {
    name: 'mail-foreign-sender',
    question: 'Where does the mail server refuse a sender that does not belong to the account?',
    creates: 'nothing',
    run: async (mailer, { signal, mark }) => {
      const session = await mailer.openSession(signal);
      try {
        const atSender = await session.offerSender(`${mark}@example.com`);
        const refusal = atSender ?? (await session.offerRecipient(mailer.from.address));
        if (refusal === null) {
          return {
            answer: 'It takes any sender up to RCPT TO.',
            verdict: 'differs',
            means: 'A wrong MAIL_FROM is refused mail by mail, or rewritten by the server; check it yourself.',
          };
        }
        const where = atSender === null ? 'RCPT TO' : 'MAIL FROM';
        const { errorClass } = replyFailure(refusal, 'password').error;
        return errorClass === 'credential'
          ? {
              answer: `It refuses it at ${where} (${codeOf(refusal)}).`,
              verdict: 'as_assumed',
              means: 'A refused MAIL_FROM parks the connection once.',
            }
          : {
              answer: `It refuses it at ${where} (${codeOf(refusal)}), which the bridge takes for ${errorClass}.`,
              verdict: 'differs',
              means: 'A refused MAIL_FROM fails mail by mail: report this code.',
            };
      } finally {
        session.close();
      }
    },
  },
  {
    name: 'mail-unknown-recipient',
    question: "Does the mail server refuse an unknown address of MAIL_FROM's domain at once?",
    creates: 'nothing',
    run: async (mailer, { signal, mark }) => {
      const session = await mailer.openSession(signal);
      try {
        const refused = await session.offerSender(mailer.from.address);
        if (refused !== null) {
          throw replyFailure(refused, 'password').error;
        }
        return aboutUnknownRecipient(await session.offerRecipient(`${mark}@${domainOf(mailer.from)}`));
      } finally {
        session.close();
      }
    },
  },
  {
    name: 'mail-message-id',
    question: 'Does the mail server take a mail, and keep its Message-ID?',
    creates: 'one mail from MAIL_FROM to MAIL_FROM, which SMTP cannot remove',
    // The answer to the final dot alone may take ten minutes.
    timeoutMs: 12 * 60_000,
    run: async (mailer, tools) => {
      const { signal, mark } = tools;
      let maybeSent = true;
      tools.cleanup(`the mail "Proof ${mark}" in the mailbox of MAIL_FROM`, async () => {
        if (maybeSent) {
          throw new ActionError('permanent', 'SMTP cannot remove a mail: delete it there', {
            connection: 'email',
            code: providerCode('mail_stays'),
          });
        }
      });
      const sent = await mailer.send(
        {
          messageId: `<${mark}@${domainOf(mailer.from)}>`,
          to: [mailer.from],
          cc: [],
          recipients: [mailer.from.address],
          subject: `Proof ${mark}`,
          text: 'bridge connections prove sent this mail. It can be deleted.',
          html: null,
          attachments: [],
        },
        signal,
      );
      if (sent.outcome === 'failed') {
        ({ maybeSent } = sent.failure);
        throw sent.failure.error;
      }
      const [refusal] = sent.refused.values();
      if (refusal !== undefined) {
        maybeSent = false;
        throw refusal.error;
      }
      return sent.replacesMessageId
        ? {
            answer: 'It takes the mail and gives it a Message-ID of its own.',
            verdict: 'differs',
            means: 'After a lost answer, mail programs show two mails instead of one; on_ambiguous: fail avoids it.',
          }
        : {
            answer: 'It takes the mail, and does not say that it changed the Message-ID.',
            verdict: 'as_assumed',
            means: 'After a lost answer, most mail programs show the second mail as the same one.',
          };
    },
  },
];

function aboutUnknownRecipient(refusal: Parameters<typeof codeOf>[0] | null): ProofResult {
  return refusal === null
    ? {
        answer: 'It takes an address that does not exist.',
        verdict: 'differs',
        means: 'A step is done although the address is wrong; the server sends a bounce to MAIL_FROM later.',
      }
    : {
        answer: `It refuses it at once (${codeOf(refusal)}).`,
        verdict: 'as_assumed',
        means: 'A step with a wrong address of this domain fails and says which one.',
      };
}
