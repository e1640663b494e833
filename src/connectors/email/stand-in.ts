import { isIP, type AddressInfo, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { SMTPServer, type SMTPServerAuthentication, type SMTPServerSession } from 'smtp-server';
import type { JsonObject } from '../../events/json';
import type { RunningStandIn } from '../connector';
import { parseMail, readAll, takenMail, type ReceivedMail } from './stand-in-mails';
import { startTokenStandIn, type TokenStandIn } from './stand-in-tokens';

export type { ReceivedMail } from './stand-in-mails';

const MOST_KEPT = 200;
const LARGEST_MAIL_BYTES = 64 * 1024 * 1024;
const USER = 'stand-in';
const PASSWORD = 'stand-in';
const SENDER = 'bridge@stand-in.example';
const OWN_MESSAGE_ID = '2.0.0 OK <0@stand-in.prod.outlook.com> [Hostname=stand-in]';

/** Where in the conversation the stand-in refuses. */
export type RefusingStage = 'greeting' | 'ehlo' | 'auth' | 'mail' | 'rcpt' | 'data';

/** Trouble that the stand-in makes on demand. */
export type MailTrouble =
  /**
   * Refuses at this stage with this code, `times` times (default 1). `text` follows the code, such as `5.4.5 Daily user
   * sending limit exceeded`; `recipient` limits `rcpt` to one address.
   */
  | { stage: RefusingStage; code: number; text?: string; recipient?: string; times?: number }
  /** Accepts the mail, then breaks the connection or stays silent instead of answering. */
  | 'drop_after_data'
  | 'silent_after_data'
  /** Breaks the connection as the mail begins to arrive; takes nothing. */
  | 'drop_in_data';

/** What kind of mail server the stand-in is. */
export interface EmailStandInOptions {
  port?: number;
  /** It refuses more with 552 5.3.4. Default 64 MiB. */
  largestMailBytes?: number;
  /** PEM; STARTTLS is offered, and a login only taken after it. Default: a server without TLS, as on this machine. */
  tls?: { key: string; cert: string };
  /** With `tls`: TLS from the first byte, on the URL `smtps://`. */
  implicitTls?: boolean;
  /**
   * Takes OAuth2 tokens of a token endpoint of its own, and no password. A wrong token is refused at once, as Microsoft
   * does, or after a challenge, as Google does (RFC 7628 section 3.2.3).
   */
  oauth?: 'refuse' | 'challenge';
  /** The senders that the login may use. Default: all. */
  senders?: readonly string[];
  /** The only recipients that exist. Default: all; most servers know their own domain's alone. */
  recipients?: readonly string[];
  /** Says in the last answer that the mail has a Message-ID of its own, as Microsoft 365 does. */
  ownMessageIds?: boolean;
  /** Whether several commands may be sent at once, as most servers allow. Default true. */
  pipelining?: boolean;
  /** Whether addresses outside ASCII are taken, as large providers do. Default true. */
  smtpUtf8?: boolean;
}

/**
 * A mail server on loopback that keeps what it takes, bounded, in memory, and sends nothing on.
 *
 * It refuses what real ones refuse: a name in EHLO that is no domain, mail without a login or with a wrong one, a sender
 * that is not the account's, and mails that are too large.
 */
export interface EmailStandIn extends RunningStandIn {
  /** `smtp://stand-in:stand-in@127.0.0.1:<port>` */
  url: string;
  /** Every mail that it took, oldest first; also those it did not confirm. */
  messages: readonly ReceivedMail[];
  /** The names that clients gave in EHLO, oldest first. */
  greetings: readonly string[];
  /** The token endpoint; null without `oauth`. */
  tokens: TokenStandIn | null;
  /** Lets the next conversations that get there fail; trouble is used up in the order it was asked for. */
  failNext(trouble: MailTrouble): void;
  /** Ends all trouble that still waits. */
  heal(): void;
}

type Callback = (error?: Error | null, answer?: string) => void;

/** Starts the stand-in on loopback. */
export async function startEmailStandIn(options: EmailStandInOptions = {}): Promise<EmailStandIn> {
  const messages: ReceivedMail[] = [];
  const greetings: string[] = [];
  const troubles = new Troubles();
  const sockets = new Map<number, Socket>();
  const limit = options.largestMailBytes ?? LARGEST_MAIL_BYTES;
  const tokens = options.oauth === undefined ? null : await startTokenStandIn();

  /** Answers with the trouble that waits at this stage, or with what `judge` says. */
  const answer = (stage: RefusingStage, callback: Callback, judge: () => Error | null, address?: string): void =>
    callback(troubles.refusalAt(stage, address) ?? judge());
  const drop = (session: SMTPServerSession): void => {
    sockets.get(session.remotePort)?.destroy();
  };

  const receive = async (stream: Readable, session: SMTPServerSession, callback: Callback): Promise<void> => {
    if (troubles.take('drop_in_data')) {
      drop(session);
      return;
    }
    const source = await readAll(stream);
    const refused =
      troubles.refusalAt('data') ??
      (source.length > limit ? refusal(552, '5.3.4 Message exceeds the fixed maximum message size') : null);
    if (refused !== null) {
      callback(refused);
      return;
    }
    messages.push(await parseMail(source, session));
    if (messages.length > MOST_KEPT) {
      messages.shift();
    }
    if (troubles.take('drop_after_data')) {
      drop(session);
    } else if (!troubles.take('silent_after_data')) {
      callback(null, options.ownMessageIds === true ? OWN_MESSAGE_ID : 'OK: queued');
    }
  };

  const server = new SMTPServer({
    ...options.tls,
    secure: options.implicitTls === true,
    disabledCommands: options.tls === undefined ? ['STARTTLS'] : [],
    // A server without TLS takes a login as it is; another one wants TLS first.
    allowInsecureAuth: options.tls === undefined,
    authMethods: tokens === null ? ['PLAIN', 'LOGIN'] : ['XOAUTH2'],
    authRequiredMessage: '5.7.0 Authentication Required',
    hidePIPELINING: options.pipelining === false,
    hideSMTPUTF8: options.smtpUtf8 === false,
    size: limit,
    disableReverseLookup: true,
    closeTimeout: 100,
    onConnect: (session, callback) => {
      judgeGreetings(server, session.id, greetings, troubles);
      answer('greeting', callback, () => null);
    },
    onAuth: (auth, _session, callback) => {
      const refused = troubles.refusalAt('auth');
      const isRight = isRightLogin(auth, tokens);
      if (refused === null && !isRight && options.oauth === 'challenge') {
        callback(null, { data: { status: '400', schemes: 'Bearer' } });
      } else if (refused === null && isRight) {
        callback(null, { user: auth.username ?? USER });
      } else {
        callback(refused ?? refusal(535, '5.7.8 Username and Password not accepted'));
      }
    },
    onMailFrom: ({ address }, session, callback) => {
      answer('mail', callback, () => judgeSender(address, session, options.senders));
    },
    onRcptTo: ({ address }, _session, callback) => {
      answer('rcpt', callback, () => judgeRecipient(address, options), address);
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
  const login = tokens === null ? `${USER}:${PASSWORD}` : USER;
  // A certificate is for a name.
  const host = options.tls === undefined ? '127.0.0.1' : 'localhost';
  const scheme = options.implicitTls === true ? 'smtps' : 'smtp';
  const url = `${scheme}://${login}@${host}:${portOf(server.server.address())}`;
  const settings: JsonObject = {
    smtp_url: url,
    from: `VoIPBIN bridge <${SENDER}>`,
    ...(tokens === null ? {} : tokens.settings),
  };
  return {
    url,
    settings,
    messages,
    greetings,
    tokens,
    taken: () => messages.map(takenMail),
    failNext: (trouble) => troubles.add(trouble),
    heal: () => troubles.clear(),
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(resolve));
      for (const socket of sockets.values()) {
        socket.destroy();
      }
      await Promise.all([closed, tokens?.stop()]);
    },
  };
}

/** The troubles that wait for a conversation. */
class Troubles {
  readonly #waiting: MailTrouble[] = [];

  add(trouble: MailTrouble): void {
    const times = typeof trouble === 'object' ? (trouble.times ?? 1) : 1;
    this.#waiting.push(...Array.from({ length: times }, () => trouble));
  }

  clear(): void {
    this.#waiting.length = 0;
  }

  /** Uses up a trouble. @returns whether it was waiting. */
  take(trouble: MailTrouble): boolean {
    const at = this.#waiting.indexOf(trouble);
    if (at >= 0) {
      this.#waiting.splice(at, 1);
    }
    return at >= 0;
  }

  /** Uses up the first refusal that waits at this stage. */
  refusalAt(stage: RefusingStage, address?: string): Error | null {
    const found = this.#waiting.find(
      (trouble) =>
        typeof trouble === 'object' &&
        trouble.stage === stage &&
        (trouble.recipient === undefined || trouble.recipient === address),
    );
    if (typeof found !== 'object') {
      return null;
    }
    this.take(found);
    return refusal(found.code, found.text);
  }
}

/** Notes the name that a conversation gives in EHLO or HELO, and refuses it where trouble waits. */
function judgeGreetings(server: SMTPServer, id: string, greetings: string[], troubles: Troubles): void {
  const connection = [...server.connections].find((one) => one.id === id);
  if (connection === undefined) {
    return;
  }
  for (const handler of ['handler_EHLO', 'handler_HELO'] as const) {
    const take = connection[handler].bind(connection);
    connection[handler] = (command, callback) => {
      greetings.push(command.toString().trim().split(/\s+/)[1] ?? '');
      const refused = troubles.refusalAt('ehlo');
      if (refused === null) {
        take(command, callback);
      } else {
        connection.send(codeOf(refused), refused.message, false);
        callback();
      }
    };
  }
}

function isRightLogin(auth: SMTPServerAuthentication, tokens: TokenStandIn | null): boolean {
  const isRight = tokens === null ? auth.password === PASSWORD : tokens.isValid(auth.accessToken ?? '');
  return auth.username === USER && isRight;
}

/** Many servers refuse the name of EHLO only here. */
function judgeSender(
  address: string,
  { hostNameAppearsAs }: SMTPServerSession,
  senders: readonly string[] | undefined,
): Error | null {
  const isDomain = hostNameAppearsAs.includes('.') && isIP(hostNameAppearsAs.replace(/^\[|\]$/g, '')) === 0;
  if (!isDomain) {
    return refusal(550, '5.7.1 Invalid HeloHost');
  }
  return senders === undefined || senders.includes(address)
    ? null
    : refusal(553, `5.7.1 <${address}>: Sender address rejected: not owned by user ${USER}`);
}

function judgeRecipient(address: string, { smtpUtf8, recipients }: EmailStandInOptions): Error | null {
  if (smtpUtf8 === false && !/^\p{ASCII}*$/u.test(address)) {
    return refusal(553, '5.6.7 Address requires SMTPUTF8, which is not supported');
  }
  return recipients === undefined || recipients.includes(address)
    ? null
    : refusal(550, `5.1.1 <${address}>: Recipient address rejected: User unknown`);
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function refusal(code: number, text = 'refused by the stand-in'): Error {
  return Object.assign(new Error(text), { responseCode: code });
}

function codeOf(refused: Error): number {
  return 'responseCode' in refused && typeof refused.responseCode === 'number' ? refused.responseCode : 550;
}
