import { isLoopback } from '../../net/host-list';

/** The connection that an SMTP URL describes. */
export interface SmtpServer {
  host: string;
  port: number;
  /** TLS from the first byte (`smtps://`). */
  secure: boolean;
  /** STARTTLS is required before anything is sent. */
  requireTLS: boolean;
  /** STARTTLS is not even used where it is offered. */
  ignoreTLS: boolean;
  /** The name that the bridge gives in EHLO; null: the domain of the sender. */
  name: string | null;
  /** `pass` is empty where the login is by an OAuth2 token. */
  auth: { user: string; pass: string } | null;
}

/** What an SMTP URL describes, or what is wrong with it: a sentence that repeats no user and no password. */
export type ReadSmtpUrl = { server: SmtpServer } | { problem: string };

const FORM = 'expected smtp://user:password@host:587 or smtps://user:password@host:465';
const SWITCHES = ['requireTLS', 'ignoreTLS'];
const PARAMETERS = ['name', ...SWITCHES];
/** A domain or an address literal, as RFC 5321 section 4.1.2 has them. */
const EHLO_NAME =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[A-Za-z0-9.:-]+\])$/;

/**
 * Reads `smtp://user:pass@host:587` or `smtps://...:465`. TLS is demanded except on this machine itself;
 * `?requireTLS=false` uses it only where it is offered, `?ignoreTLS=true` never. `?name=mail.example.com` is the name
 * given in EHLO. Characters like `@` in user or password are percent-encoded.
 */
export function readSmtpUrl(text: string): ReadSmtpUrl {
  if (!URL.canParse(text)) {
    return { problem: FORM };
  }
  const url = new URL(text);
  const secure = url.protocol === 'smtps:';
  const user = decoded(url.username);
  const pass = decoded(url.password);
  if (
    (!secure && url.protocol !== 'smtp:') ||
    url.hostname === '' ||
    (url.pathname !== '' && url.pathname !== '/') ||
    user === null ||
    pass === null
  ) {
    return { problem: FORM };
  }
  const problem = problemOfParameters(url.searchParams);
  if (problem !== null) {
    return { problem };
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const ignoreTLS = url.searchParams.get('ignoreTLS') === 'true';
  return {
    server: {
      host,
      port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
      secure,
      requireTLS: !secure && !ignoreTLS && !isLoopback(host) && url.searchParams.get('requireTLS') !== 'false',
      ignoreTLS,
      name: url.searchParams.get('name'),
      auth: user === '' ? null : { user, pass },
    },
  };
}

function problemOfParameters(parameters: URLSearchParams): string | null {
  for (const [key, value] of parameters) {
    if (!PARAMETERS.includes(key)) {
      // A key is repeated only where it cannot be part of a password that lacks its percent-encoding.
      const which = /^[A-Za-z]{1,20}(?:\.[A-Za-z]{1,30})?$/.test(key) ? `\`${key}\`` : 'one of the parameters';
      const hint = /reject|ca|cert/i.test(key)
        ? '; the certificate is always checked: name a private CA in NODE_EXTRA_CA_CERTS'
        : '';
      return `${FORM}; ${which} is not a parameter of this URL (${PARAMETERS.join(', ')})${hint}`;
    }
    if (SWITCHES.includes(key) && value !== 'true' && value !== 'false') {
      return `${FORM}; \`${key}\` is true or false`;
    }
    if (key === 'name' && !EHLO_NAME.test(value)) {
      return `${FORM}; \`name\` is a host name, such as mail.example.com`;
    }
  }
  return null;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
