import type { Readable } from 'node:stream';
import { simpleParser, type AddressObject } from 'mailparser';
import type { SMTPServerSession } from 'smtp-server';
import type { TakenItem } from '../mailbox';

/** A mail that the stand-in took. */
export interface ReceivedMail {
  messageId: string;
  from: string;
  to: string[];
  cc: string[];
  /** The envelope recipients, from the SMTP conversation. */
  recipients: string[];
  subject: string;
  text: string;
  html: string | null;
  attachments: { filename: string; size: number; content: Buffer }[];
  /** Lower-case names. */
  headers: ReadonlyMap<string, string>;
  /** The name that the client gave in EHLO. */
  ehlo: string;
  /** As received. */
  source: string;
}

/** Reads all of a mail. */
export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Takes a mail apart. */
export async function parseMail(source: Buffer, session: SMTPServerSession): Promise<ReceivedMail> {
  const mail = await simpleParser(source, { skipTextToHtml: true });
  return {
    messageId: mail.messageId ?? '',
    from: mail.from?.value[0]?.address ?? '',
    to: addressesOf(mail.to),
    cc: addressesOf(mail.cc),
    recipients: session.envelope.rcptTo.map(({ address }) => address),
    subject: mail.subject ?? '',
    text: mail.text ?? '',
    html: typeof mail.html === 'string' ? mail.html : null,
    attachments: mail.attachments.map(({ filename, size, content }) => ({ filename: filename ?? '', size, content })),
    headers: new Map(mail.headerLines.map(({ key, line }) => [key, line.slice(line.indexOf(':') + 1).trim()])),
    ehlo: session.hostNameAppearsAs,
    source: source.toString('latin1'),
  };
}

function addressesOf(field: AddressObject | AddressObject[] | undefined): string[] {
  const objects = field === undefined ? [] : Array.isArray(field) ? field : [field];
  return objects.flatMap(({ value }) => value.map(({ address }) => address ?? ''));
}

/** A mail as people look at it. */
export function takenMail({ from, recipients, subject, text, html, attachments, headers }: ReceivedMail): TakenItem {
  const sentAt = new Date(headers.get('date') ?? 0);
  return {
    at: (Number.isNaN(sentAt.getTime()) ? new Date(0) : sentAt).toISOString(),
    what: 'mail',
    to: recipients.join(', '),
    lines: [
      `from: ${from}`,
      `subject: ${subject}`,
      ...attachments.map(({ filename, size }) => `attached: ${filename} (${size} bytes)`),
      ...(text === '' && html !== null ? html : text).trimEnd().split('\n'),
    ],
  };
}
