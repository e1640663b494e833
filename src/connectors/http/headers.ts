import { z } from 'zod';

const NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;

/** Headers that describe the connection or the length of the body, which are the bridge's own business. */
const OWN_BUSINESS = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'keep-alive',
  'upgrade',
  'te',
  'trailer',
  'expect',
  'proxy-authorization',
  'proxy-connection',
]);

/** What may go along to another origin. Any other header may hold a secret (`X-Api-Key`). */
const HARMLESS_ELSEWHERE = new Set(['accept', 'accept-language', 'content-type', 'user-agent']);

/** Headers as an input: names are judged as the rule is read, values when they are rendered. */
export function headersInput() {
  return z.record(
    z
      .string()
      .refine((name) => NAME.test(name) && !OWN_BUSINESS.has(name.toLowerCase()), 'no header that a rule may set'),
    z.string(),
  );
}

/** Whether the rule's author wrote the header, in any case of letters. */
export function hasHeader(headers: Readonly<Record<string, string>> | undefined, name: string): boolean {
  return Object.keys(headers ?? {}).some((each) => each.toLowerCase() === name);
}

/**
 * Headers for the wire: lower case, one line each (line breaks and other control characters become a space), beyond
 * ASCII as UTF-8. Empty ones are left out.
 */
export function wireHeaders(headers: Readonly<Record<string, string>>): Map<string, string> {
  const wire = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    const line = value.replace(/\p{Cc}+/gu, ' ').trim();
    if (line !== '') {
      wire.set(name.toLowerCase(), Buffer.from(line, 'utf8').toString('latin1'));
    }
  }
  return wire;
}

/** The headers that go along when a redirect leads to another origin. */
export function headersElsewhere(headers: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...headers].filter(([name]) => HARMLESS_ELSEWHERE.has(name)));
}
