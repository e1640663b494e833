import { createHash } from 'node:crypto';
import { z } from 'zod';
import { duration } from '../../yaml/duration';
import { ActionError } from '../action-error';
import type { ActionContext } from '../action-context';
import { defineAction } from '../connector';
import { voipbin } from '../voipbin/connector';
import { domainOf, readRecipients, type Recipient } from './addresses';
import { Delivery } from './delivery';
import type { MailFailure } from './mail-failure';
import type { Mail, Mailer, SendResult } from './mailer';
import {
  collectRecordings,
  MAY_HAVE_RECORDING,
  recordingIdsOf,
  type RecordingLine,
  type RecordingPart,
} from './recording-part';

/**
 * A lost answer is followed by a second try after this: long enough for a server that was only slow to have come to its
 * end.
 */
const WAIT_AFTER_LOST_ANSWER_MS = 60_000;

/** Outlook's limit, in characters. */
const LONGEST_SUBJECT = 255;

const recipients = z.union([z.string(), z.array(z.string()).min(1).max(50)]);

const input = z.strictObject({
  to: recipients.describe('One address, or a list of addresses: Ann <ann@example.com>.'),
  cc: recipients.optional().describe('One address, or a list of addresses; empty ones are left out.'),
  subject: z.string().describe(`The subject line; cut at ${LONGEST_SUBJECT} characters.`),
  text: z.string().describe('The mail as plain text.'),
  html: z.string().optional().describe('The same mail as HTML.'),
  recording: z
    .enum(['attach', 'link'])
    .optional()
    .describe("Puts the event's recording into the mail, as WAV files or as expiring links."),
  wait: duration()
    .prefault('15m')
    .describe(
      'How long to wait until VoIPBIN has stored the recording; then the mail is sent with what there is, and says what is missing.',
    ),
  on_ambiguous: z
    .enum(['retry', 'fail'])
    .default('retry')
    .describe(
      "After the mail server's answer was lost: send once more under the same Message-ID, or fail so that someone looks.",
    ),
});

const output = z.object({
  message_id: z.string().describe('The Message-ID, with its angle brackets.'),
  accepted: z.number().describe('How many recipients the mail server took: all of them.'),
  recording: z
    .enum(['attached', 'linked', 'partial', 'missing', 'none'])
    .describe(
      'What happened to the recording; partial when one side of a call is missing; none when there is none or none was requested.',
    ),
});

type Input = z.infer<typeof input>;
type Output = z.infer<typeof output>;
type Context = ActionContext<Mailer>;

/**
 * `email.send`.
 *
 * Guaranteed: a mail that a server may have taken is sent at most once more, under the same Message-ID, which mail
 * programs mostly fold into one; with `on_ambiguous: fail` not at all. Each entry of `to` and `cc` is one recipient; one
 * that the server puts off is tried again alone, and the step is done only when the server took all of them. It fails
 * when the server refused one, after all others have the mail. No credential of ours is in the mail. Not guaranteed:
 * delivery, and that a server which took the mail twice delivers it once.
 */
export const sendMail = defineAction<Mailer>()<Input, Output>({
  summary: 'Sends an e-mail, with the recording of the call attached or linked.',
  unit: 'mail',
  input,
  sinks: { subject: 'header', html: 'html' },
  onlyFor: { recording: { types: MAY_HAVE_RECORDING, why: 'has no recording' } },
  checks: {
    to: readTo,
    cc: (cc) => readRecipients('cc', cc),
    subject: (subject, { event }) => event !== null || checkWritten('subject', subject),
    text: (_, { input: wanted }) => checkText(wanted),
  },
  output,
  effect: 'once',
  alsoUses: { of: ({ recording }) => (recording === undefined ? [] : ['voipbin']) },
  // A daily limit can last a day, and is lifted after steps that began with it.
  budget: '48h',
  // More than the ten minutes that a server may take to answer after the final dot (RFC 5321 section 4.5.3.2.6).
  attemptTimeout: '20m',
  run: async (context, wanted) => {
    const to = readTo(wanted.to);
    const cc = readRecipients('cc', wanted.cc);
    checkText(wanted);
    const recipients = uniqueOf([...to, ...cc]);
    const delivery = new Delivery(recipients, context.progress.last, context.key);
    const maybeSent = maybeSentBefore(context);
    if (delivery.open.length === 0) {
      return conclude(context, delivery, new Map(), 'none', maybeSent);
    }
    const allowed = wanted.on_ambiguous === 'retry' ? 2 : 1;
    if (maybeSent >= allowed) {
      throw ambiguous(maybeSent);
    }
    const recording = await recordingFor(context, wanted).catch((error: unknown) => {
      save(context, delivery, maybeSent);
      throw error;
    });
    const mail: Mail = {
      messageId: messageIdOf(context),
      to,
      cc,
      recipients: delivery.open.map(({ address }) => address),
      subject: subjectOf(wanted),
      text: withLines(wanted.text, recording?.lines ?? []),
      html: wanted.html === undefined ? null : withHtmlLines(wanted.html, recording?.lines ?? []),
      attachments: recording?.attachments ?? [],
    };
    save(context, delivery, maybeSent + 1);
    const { result, state } = await sendInSize(context, mail, wanted, recording);
    if (result.outcome === 'failed') {
      throw failedSend(context, delivery, result.failure, { maybeSent, allowed });
    }
    return conclude(context, delivery, result.refused, state, maybeSent);
  },
});

/** @throws ActionError `permanent` for a mail without content. */
function checkText(wanted: Input): void {
  if (wanted.recording === undefined && (wanted.html ?? '').trim() === '') {
    checkWritten('text', wanted.text);
  }
}

function checkWritten(name: string, text: string): void {
  if (text.trim() === '') {
    throw new ActionError('permanent', `the rendered \`${name}\` is empty`, {
      connection: 'email',
      code: 'empty_text',
      remedy: `Give the template of \`${name}\` a default: \`{{ field | default: "…" }}\`.`,
    });
  }
}

/** @throws ActionError `permanent` when it names nobody, or what is no address. */
function readTo(written: Input['to']): Recipient[] {
  const to = readRecipients('to', written);
  if (to.length === 0) {
    throw new ActionError('permanent', 'the rendered `to` is empty', {
      connection: 'email',
      code: 'no_recipient',
      remedy: 'Look at the template of `to`.',
    });
  }
  return to;
}

/** @throws ActionError when somebody does not have the mail. */
function conclude(
  context: Context,
  delivery: Delivery,
  refused: ReadonlyMap<string, MailFailure>,
  recording: Output['recording'],
  maybeSent: number,
): { outcome: 'done'; result: Output } {
  const error = delivery.record(refused);
  if (error !== null) {
    save(context, delivery, maybeSent);
    throw error;
  }
  return { outcome: 'done', result: { message_id: messageIdOf(context), accepted: delivery.accepted, recording } };
}

/** On one line, and cut where mail programs do: they refuse to show, or to search, longer ones. */
function subjectOf({ subject }: Input): string {
  const line = subject.replace(/\p{Cc}+/gu, ' ').trim();
  // Never in the middle of a surrogate pair.
  return line.length <= LONGEST_SUBJECT
    ? line
    : `${line.slice(0, LONGEST_SUBJECT - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** Each address once: the first place that names it counts. */
function uniqueOf(recipients: readonly Recipient[]): Recipient[] {
  return recipients.filter(({ address }, at) => recipients.findIndex((other) => other.address === address) === at);
}

const progress = z.object({ maybe_sent: z.int().min(0), attempt: z.int() });

function save(context: Context, delivery: Delivery, maybeSent: number): void {
  context.progress.save({ maybe_sent: maybeSent, attempt: context.attempt, ...delivery.save() });
}

/**
 * How many attempts may have sent it. What the very last attempt saved is exact; where it saved nothing (its worker
 * died before Temporal had it, heartbeats are throttled) it counts as one that may have sent.
 */
function maybeSentBefore(context: Context): number {
  if (context.attempt === 1) {
    return 0;
  }
  const last = progress.safeParse(context.progress.last);
  return last.success ? last.data.maybe_sent + (last.data.attempt === context.attempt - 1 ? 0 : 1) : 1;
}

async function recordingFor(context: Context, wanted: Input): Promise<RecordingPart | null> {
  if (wanted.recording === undefined) {
    return null;
  }
  return collectRecordings(
    context.clientOf(voipbin),
    recordingIdsOf(context.event),
    { how: wanted.recording, waitMs: wanted.wait, limitBytes: context.client.maxAttachmentBytes },
    Date.now() - context.startedAt.getTime(),
    context.signal,
  );
}

/** A mail that is too large for the server is sent once more, with links instead of attachments. */
async function sendInSize(
  context: Context,
  mail: Mail,
  wanted: Input,
  recording: RecordingPart | null,
): Promise<{ result: SendResult; state: Output['recording'] }> {
  const result = await context.client.send(mail, context.signal);
  if (result.outcome === 'answered' || !result.failure.tooLarge || mail.attachments.length === 0) {
    return { result, state: recording?.state ?? 'none' };
  }
  const reason: RecordingLine = {
    text: 'The mail server does not accept a mail of this size with the recording attached.',
    link: null,
  };
  const links = await recordingFor(context, { ...wanted, recording: 'link', wait: 0 });
  const lines = [reason, ...(links?.lines ?? [])];
  const smaller: Mail = {
    ...mail,
    text: withLines(wanted.text, lines),
    html: wanted.html === undefined ? null : withHtmlLines(wanted.html, lines),
    attachments: [],
  };
  return { result: await context.client.send(smaller, context.signal), state: links?.state ?? 'none' };
}

/** What the step fails with. The attempt counts as one that may have sent the mail only if it may have. */
function failedSend(
  context: Context,
  delivery: Delivery,
  { error, maybeSent }: MailFailure,
  tries: { maybeSent: number; allowed: number },
): ActionError {
  if (!maybeSent) {
    save(context, delivery, tries.maybeSent);
    return error;
  }
  if (tries.maybeSent + 1 >= tries.allowed) {
    return ambiguous(tries.maybeSent + 1);
  }
  return new ActionError(error.errorClass, error.message, { ...error.detail, retryAfterMs: WAIT_AFTER_LOST_ANSWER_MS });
}

function ambiguous(times: number): ActionError {
  return new ActionError(
    'ambiguous',
    `the mail may have been sent ${times === 1 ? 'once' : `${times} times`}: the mail server did not say`,
    {
      connection: 'email',
      code: 'answer_lost',
      remedy:
        "Look in the mail server's log for the Message-ID, or ask a recipient; retry the run if the mail did not go out.",
    },
  );
}

/** The same for every attempt at one step, and nothing about the event can be read from it. */
function messageIdOf(context: Context): string {
  return `<${createHash('sha256').update(context.key).digest('hex')}@${domainOf(context.client.from)}>`;
}

function withLines(text: string, lines: readonly RecordingLine[]): string {
  if (lines.length === 0) {
    return text;
  }
  const rendered = lines.map((line) => (line.link === null ? line.text : `${line.text}\n${line.link}`));
  return `${text.trimEnd()}\n\n${rendered.join('\n')}\n`;
}

function withHtmlLines(html: string, lines: readonly RecordingLine[]): string {
  const rendered = lines.map((line) =>
    line.link === null
      ? escapeHtml(line.text)
      : `${escapeHtml(line.text)} <a href="${escapeHtml(line.link)}">${escapeHtml('download')}</a>`,
  );
  return rendered.length === 0 ? html : `${html}\n<p>${rendered.join('<br>\n')}</p>\n`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
