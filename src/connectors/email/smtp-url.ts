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
  auth: { user: string; pass: string } | null;
}

/**
 * Reads `smtp://user:pass@host:587` or `smtps://...:465`. TLS is demanded except on this machine itself;
 * `?requireTLS=false` uses it only where it is offered, `?ignoreTLS=true` never. Characters like `@` in user or
 * password are percent-encoded.
 *
 * @returns null when the text is not an SMTP URL.
 */
export function readSmtpUrl(text: string): SmtpServer | null {
  if (!URL.canParse(text)) {
    return null;
  }
  const url = new URL(text);
  const secure = url.protocol === 'smtps:';
  const known = [...url.searchParams.keys()].every((key) => key === 'requireTLS' || key === 'ignoreTLS');
  if (
    (!secure && url.protocol !== 'smtp:') ||
    url.hostname === '' ||
    !known ||
    (url.pathname !== '' && url.pathname !== '/')
  ) {
    return null;
  }
  const user = decoded(url.username);
  const pass = decoded(url.password);
  if (user === null || pass === null) {
    return null;
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const ignoreTLS = url.searchParams.get('ignoreTLS') === 'true';
  return {
    host,
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    requireTLS: !secure && !ignoreTLS && !isLoopback(host) && url.searchParams.get('requireTLS') !== 'false',
    ignoreTLS,
    auth: user === '' ? null : { user, pass },
  };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
