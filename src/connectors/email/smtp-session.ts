import SMTPConnection, {
  type SMTPConnectionAuth,
  type SMTPConnectionCustomAuthResponse,
  type SMTPConnectionOptions,
} from 'nodemailer/lib/smtp-connection';
import type { SmtpReply } from './smtp-reply';

/** The library's options for a connection, and its login; null: none. */
export interface SessionOptions extends SMTPConnectionOptions {
  login: SMTPConnectionAuth | null;
}

/** One conversation with the mail server, logged in, in which nothing is sent. */
export interface SmtpSession {
  readonly isEncrypted: boolean;
  /** The extensions that the server announced, as the library names them: `SMTPUTF8`, `SIZE`. */
  readonly extensions: readonly string[];
  /** Says MAIL FROM. @returns the server's refusal; null when it takes the sender. */
  offerSender(address: string): Promise<SmtpReply | null>;
  /** Says RCPT TO, after MAIL FROM. @returns the server's refusal; null when it takes the recipient. */
  offerRecipient(address: string): Promise<SmtpReply | null>;
  /** Ends the conversation; whatever was offered is forgotten. */
  close(): void;
}

/** Not a method of login: the library gives a handler of its own the means to say any command. */
const COMMANDS = 'BRIDGE-COMMANDS';

type SendCommand = (command: string) => Promise<Pick<SMTPConnectionCustomAuthResponse, 'status' | 'response'>>;

/**
 * Connects and logs in.
 * @throws the library's error, or the signal's reason.
 */
export async function openSmtpSession(
  { login, ...options }: SessionOptions,
  signal: AbortSignal,
): Promise<SmtpSession> {
  let extensions: readonly string[] = [];
  let send: SendCommand = () => Promise.reject(new TypeError('the conversation has not begun'));
  const connection = new SMTPConnection({
    ...options,
    customAuth: {
      [COMMANDS]: (context) => {
        extensions = context.extensions;
        send = (command) => context.sendCommand(command);
        context.resolve();
      },
    },
  });
  const end = (): void => connection.close();
  const broken = new Promise<never>((_resolve, reject) => {
    connection.once('error', reject);
    connection.once('end', () => reject(signal.aborted ? signal.reason : new Error('the connection was closed')));
  });
  // Whoever waits for an answer gets the error; between two commands nobody waits.
  broken.catch(() => undefined);
  signal.addEventListener('abort', end, { once: true });
  const done = (step: (callback: (error?: Error | null) => void) => void): Promise<void> => {
    const finished = new Promise<void>((resolve, reject) =>
      step((error) => (error === null || error === undefined ? resolve() : reject(error))),
    );
    return Promise.race([broken, finished]);
  };
  const say = async (stage: SmtpReply['stage'], command: string): Promise<SmtpReply | null> => {
    const { status, response } = await Promise.race([broken, send(command)]);
    return status >= 200 && status < 300 ? null : { stage, status, text: response };
  };
  try {
    signal.throwIfAborted();
    await done((callback) => connection.connect(callback));
    if (login !== null && connection.allowsAuth) {
      await done((callback) => connection.login(login, callback));
    }
    await done((callback) => connection.login({ method: COMMANDS, user: 'none', pass: 'none' }, callback));
  } catch (error) {
    signal.removeEventListener('abort', end);
    connection.close();
    throw error;
  }
  return {
    isEncrypted: connection.secure,
    extensions,
    offerSender: (address) => say('sender', `MAIL FROM:<${address}>`),
    offerRecipient: (address) => say('recipient', `RCPT TO:<${address}>`),
    close: () => {
      signal.removeEventListener('abort', end);
      connection.quit();
    },
  };
}
