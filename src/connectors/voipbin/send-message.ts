import { z } from 'zod';
import { duration } from '../../yaml/duration';
import { ActionError } from '../action-error';
import { defineAction } from '../connector';
import type { VoipbinClient } from './client';
import { checkRecipient, checkSender, guardText, textable } from './loop-guard';
import { whyNotTexted } from './opt-outs';
import { sendOnce } from './send-once';
import { MAX_PARTS, partsOf } from './text-parts';

const input = z.strictObject({
  text: z.string().describe('The text to send.'),
  to: z.string().optional().describe("Phone number of the recipient; the event's peer when left out."),
  from: z.string().optional().describe('Our number to send from; the one that was called or texted when left out.'),
  cooldown: duration()
    .prefault('5m')
    .describe('At most one text from one number to another in this time; 0 for no limit.'),
  to_opted_out: z
    .enum(['skip', 'confirm'])
    .default('skip')
    .describe(
      'skip: whoever asked for no more texts (STOP) gets none. confirm: this text is the one confirmation of that, sent only in answer to the STOP itself.',
    ),
});

const output = z.object({
  message: z
    .object({
      id: z.string().describe("VoIPBIN's id of the message."),
      status: z.string().describe('Its status there; `queued` at first.'),
    })
    .describe('The message that was sent.'),
});

/**
 * `voipbin.send_message`.
 *
 * Guaranteed: no text is sent while an earlier attempt of the same step may have sent it and VoIPBIN's list cannot
 * tell; nothing is sent in answer to our own texts, to our own numbers or to something that is not a phone (`loop-guard.ts`);
 * nothing is sent to a person who asked our number for no more texts, but one confirmation (`opt-outs.ts`); a message
 * and its twin get one answer; within the cooldown at most one text goes from one number to another. Not guaranteed:
 * delivery (VoIPBIN reports none), nor that VoIPBIN lists a text within ten seconds of taking it.
 */
export const sendMessage = defineAction<VoipbinClient>()<z.infer<typeof input>, z.infer<typeof output>>({
  summary: 'Sends a text message, by default to whoever called or texted, from the number they reached.',
  unit: 'text',
  input,
  output,
  insteadOf: { to: 'peer.number', from: 'ours.number' },
  numbers: ['to', 'from'],
  onlyFor: {
    to_opted_out: { types: /^(?:message|conversation)_/, values: ['confirm'], why: 'is no text that asks for STOP' },
  },
  checks: {
    text: wellFormed,
    to: (to, { country, event }) => checkRecipient(to, event, country),
    from: (from, { country }) => checkSender(from, country),
  },
  effect: 'verifiable',
  budget: '15m',
  budgetFrom: 'event',
  reads: ['peer', 'ours', 'direction'],
  attemptTimeout: '35s',
  actsOn: (type, { to }) => textable(type, to !== undefined),
  foresee: (event, { to, from, to_opted_out }, country) => {
    const recipient = guardText({ event, to, from, country, isOurs: () => false });
    if (!recipient.send) {
      return recipient.reason;
    }
    const isStop = recipient.answers === 'stop';
    return to_opted_out === 'confirm' ? (isStop ? null : 'no_opt_out') : isStop ? 'opted_out' : null;
  },
  run: async (context, { text, to, from, cooldown, to_opted_out }) => {
    const recipient = guardText({
      event: context.event,
      to,
      from,
      country: context.country,
      isOurs: (number) => context.isOurs(number),
    });
    if (!recipient.send) {
      return { outcome: 'skipped', reason: recipient.reason };
    }
    const message = { from: recipient.from, to: recipient.to, text: wellFormed(text) };
    return sendOnce(context, message, {
      cooldownMs: cooldown,
      isConfirmation: to_opted_out === 'confirm',
      whyNot: () => whyNotTexted(context, recipient, to_opted_out),
    });
  },
});

/** @throws ActionError `permanent` for a text that no carrier takes. */
function wellFormed(text: string): string {
  const sendable = text.replace(/\p{Surrogate}/gu, '\ufffd').replaceAll('\0', '');
  if (sendable.trim() === '') {
    throw new ActionError('permanent', 'the rendered text is empty', {
      connection: 'voipbin',
      code: 'empty_text',
      remedy: 'Look at the template of `text`.',
    });
  }
  const parts = partsOf(sendable);
  if (parts > MAX_PARTS) {
    throw new ActionError(
      'permanent',
      `the rendered \`text\` has ${sendable.length} characters, which makes ${parts} parts; carriers take ${MAX_PARTS}`,
      {
        connection: 'voipbin',
        code: 'text_too_long',
        remedy: 'Shorten `text`, or what its template inserts: `{{ field | truncate: 300 }}`.',
      },
    );
  }
  return sendable;
}
