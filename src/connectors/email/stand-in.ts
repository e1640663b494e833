import type { AddressInfo, Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { simpleParser, type AddressObject } from 'mailparser';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';
import type { RunningStandIn } from '../connector';

const MOST_KEPT = 200;
const LARGEST_MAIL_BYTES = 64 * 1024 * 1024;

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
  /** As received. */
  source: string;
}

/** Trouble that the stand-in makes on demand. */
export type MailTrouble =
  /** Refuses at this stage with this code. `recipient` limits `rcpt` to one address. */
  | { stage: 'greeting' | 'auth' | 'mail' | 'rcpt' | 'data'; code: number; recipient?: string }
  /** Accepts the mail, then breaks the connection or stays silent instead of answering. */
  | 'drop_after_data'
  | 'silent_after_data'
  /** Breaks the connection as the mail begins to arrive; takes nothing. */
  | 'drop_in_data';

/**
 * A mail server on loopback that keeps what it takes, bounded, in memory, and sends nothing on. It takes every login.
 */
export interface EmailStandIn extends RunningStandIn {
  /** `smtp://stand-in:stand-in@127.0.0.1:<port>` */
  url: string;
  /** Every mail that it took, oldest first; also those it did not confirm. */
  messages: readonly ReceivedMail[];
  /** Lets the next conversation that gets there fail; trouble is used up in the order it was asked for. */
  failNext(trouble: MailTrouble): void;
}

type Callback = (error?: Error | null) => void;

/**
 * Starts the stand-in on loopback. `largestMailBytes` is what it takes at most (default 64 MiB); it refuses more with
 * 552.
 */
export async function startEmailStandIn(
  options: { port?: number; largestMailBytes?: number } = {},
): Promise<EmailStandIn> {
  const messages: ReceivedMail[] = [];
  const troubles: MailTrouble[] = [];
  const sockets = new Map<number, Socket>();
  const limit = options.largestMailBytes ?? LARGEST_MAIL_BYTES;

  const refuseAt = (stage: string, callback: Callback, address?: string): boolean => {
    const at = troubles.findIndex(
      (trouble) =>
        typeof trouble === 'object' &&
        trouble.stage === stage &&
        (trouble.recipient === undefined || trouble.recipient === address),
    );
    const trouble = troubles[at];
    if (typeof trouble !== 'object') {
      return false;
    }
    troubles.splice(at, 1);
    callback(refusal(trouble.code));
    return true;
  };
  const take = (trouble: MailTrouble): boolean => {
    const at = troubles.indexOf(trouble);
    if (at < 0) {
      return false;
    }
    troubles.splice(at, 1);
    return true;
  };
  const drop = (session: SMTPServerSession): void => {
    sockets.get(session.remotePort)?.destroy();
  };

  const receive = async (stream: Readable, session: SMTPServerSession, callback: Callback): Promise<void> => {
    if (take('drop_in_data')) {
      drop(session);
      return;
    }
    const source = await readAll(stream);
    if (refuseAt('data', callback)) {
      return;
    }
    if (source.length > limit) {
      callback(refusal(552));
      return;
    }
    messages.push(await parse(source, session));
    if (messages.length > MOST_KEPT) {
      messages.shift();
    }
    if (take('drop_after_data')) {
      drop(session);
    } else if (!take('silent_after_data')) {
      callback();
    }
  };

  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    authOptional: true,
    disableReverseLookup: true,
    closeTimeout: 100,
    onConnect: (_session, callback) => {
      if (!refuseAt('greeting', callback)) {
        callback();
      }
    },
    onAuth: (auth, _session, callback) => {
      if (!refuseAt('auth', callback)) {
        callback(null, { user: auth.username ?? 'stand-in' });
      }
    },
    onMailFrom: (_address, _session, callback) => {
      if (!refuseAt('mail', callback)) {
        callback();
      }
    },
    onRcptTo: ({ address }, _session, callback) => {
      if (!refuseAt('rcpt', callback, address)) {
        callback();
      }
    },
    onData: (stream, session, callback) => {
      receive(stream, session, callback).catch((error: unknown) =>
        callback(error instanceof Error ? error : refusal(451)),
      );
    },
  });
  // A client that breaks off shows here; that is its affair.
  server.on('error', () => undefined);
  server.server.on('connection', (socket: Socket) => {
    const port = socket.remotePort ?? 0;
    sockets.set(port, socket);
    socket.once('close', () => sockets.delete(port));
  });
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const url = `smtp://stand-in:stand-in@127.0.0.1:${portOf(server.server.address())}`;
  return {
    url,
    settings: { smtp_url: url, from: 'VoIPBIN bridge <bridge@stand-in.example>' },
    messages,
    failNext: (trouble) => void troubles.push(trouble),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets.values()) {
          socket.destroy();
        }
      }),
  };
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function refusal(code: number): Error {
  return Object.assign(new Error('refused by the stand-in'), { responseCode: code });
}

async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function parse(source: Buffer, session: SMTPServerSession): Promise<ReceivedMail> {
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
    source: source.toString('latin1'),
  };
}

function addressesOf(field: AddressObject | AddressObject[] | undefined): string[] {
  const objects = field === undefined ? [] : Array.isArray(field) ? field : [field];
  return objects.flatMap(({ value }) => value.map(({ address }) => address ?? ''));
}
