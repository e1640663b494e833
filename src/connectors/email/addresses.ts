import { domainToASCII } from 'node:url';
import { z } from 'zod';
import { ActionError } from '../action-error';

/** One mailbox, as the mail library takes it: nothing in it is parsed again. */
export interface Mailbox {
  name: string;
  /** Its domain in lower case, and in ASCII (`xn--...`) where it is internationalised. */
  address: string;
}

/** A mailbox that gets a mail, and which part of the rule it comes from: `` `to` `` or `` `to` (entry 2) ``. */
export interface Recipient extends Mailbox {
  where: string;
}

const LONGEST = 320;
/** RFC 5321 section 4.5.3.1. */
const LONGEST_LOCAL_PART_BYTES = 64;
const LONGEST_DOMAIN = 253;
const NAMED = /^(?:"([^"\\<>]*)"|([^"\\<>@]*))\s*<([^<>\s]+)>$/;
const CONTROL = /\p{Cc}/u;
/** What RFC 6531 adds to a local part: letters and digits of all scripts. */
const OUTSIDE_ASCII = /(?!\p{ASCII})[\p{L}\p{M}\p{N}]/gu;
const email = z.email();
/**
 * Letters, digits, hyphens and dots of all scripts. A URL, which has the rules for them, ends its host at `/` and
 * decodes `%`.
 */
const DOMAIN = /^[\p{L}\p{M}\p{N}.\u3002\uff0e\uff61-]+$/u;

/**
 * Reads exactly one mailbox: `name@domain` or `Name <name@domain>`, also with letters outside ASCII. Anything that could
 * be read as two, or end a header line, is not an address: the text may come from a template, and a caller's input must
 * not add a recipient.
 */
export function readMailbox(text: string): Mailbox | null {
  const trimmed = text.trim();
  if (trimmed.length > LONGEST || CONTROL.test(trimmed)) {
    return null;
  }
  const named = NAMED.exec(trimmed);
  const address = readAddress(named?.[3] ?? trimmed);
  const name = (named?.[1] ?? named?.[2] ?? '').trim();
  return address === null ? null : { name, address };
}

/** The part behind the @. */
export function domainOf({ address }: Mailbox): string {
  return address.slice(address.lastIndexOf('@') + 1);
}

function readAddress(written: string): string | null {
  const at = written.lastIndexOf('@');
  const local = written.slice(0, at).normalize('NFC');
  const writtenDomain = written.slice(at + 1);
  const domain = domainToASCII(writtenDomain);
  const isAddress =
    at > 0 &&
    DOMAIN.test(writtenDomain) &&
    Buffer.byteLength(local) <= LONGEST_LOCAL_PART_BYTES &&
    domain.length <= LONGEST_DOMAIN &&
    email.safeParse(`${local.replaceAll(OUTSIDE_ASCII, 'x')}@${domain}`).success;
  return isAddress ? `${local}@${domain}` : null;
}

/**
 * The recipients of one field. Empty entries are left out, so that a template may come out empty.
 * @throws ActionError `permanent` that names the field and the entry, not the address.
 */
export function readRecipients(field: string, written: string | readonly string[] | undefined): Recipient[] {
  const entries = written === undefined ? [] : typeof written === 'string' ? [written] : written;
  return entries.flatMap((entry, index) => {
    if (entry.trim() === '') {
      return [];
    }
    const where = `\`${field}\`${entries.length > 1 ? ` (entry ${index + 1})` : ''}`;
    const mailbox = readMailbox(entry);
    if (mailbox === null) {
      throw new ActionError('permanent', `the rendered ${where} is not one e-mail address`, {
        connection: 'email',
        code: 'invalid_address',
        remedy: `Write one address per entry; several recipients are a list: ${field}: [a@example.com, b@example.com].`,
      });
    }
    return [{ ...mailbox, where }];
  });
}
