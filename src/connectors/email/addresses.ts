import { z } from 'zod';
import { ActionError } from '../action-error';

/** One mailbox, as the mail library takes it: nothing in it is parsed again. */
export interface Mailbox {
  name: string;
  address: string;
}

const LONGEST = 320;
const NAMED = /^(?:"([^"\\<>]*)"|([^"\\<>@,;:]*))\s*<([^<>\s]+)>$/;
const CONTROL = /\p{Cc}/u;
const email = z.email();

/**
 * Reads exactly one mailbox: `name@domain` or `Name <name@domain>`. Anything that could be read as two, or end a header
 * line, is not an address: the text may come from a template, and a caller's input must not add a recipient.
 */
export function readMailbox(text: string): Mailbox | null {
  const trimmed = text.trim();
  if (trimmed.length > LONGEST || CONTROL.test(trimmed)) {
    return null;
  }
  const named = NAMED.exec(trimmed);
  const address = named?.[3] ?? trimmed;
  const name = (named?.[1] ?? named?.[2] ?? '').trim();
  return email.safeParse(address).success ? { name, address } : null;
}

/**
 * The recipients of one field. Empty entries are left out, so that a template may come out empty.
 * @throws ActionError `permanent` that names the field and the entry, not the address.
 */
export function readRecipients(field: string, written: string | readonly string[] | undefined): Mailbox[] {
  const entries = written === undefined ? [] : typeof written === 'string' ? [written] : written;
  return entries.flatMap((entry, index) => {
    if (entry.trim() === '') {
      return [];
    }
    const mailbox = readMailbox(entry);
    if (mailbox === null) {
      throw new ActionError(
        'permanent',
        `the rendered \`${field}\`${entries.length > 1 ? ` (entry ${index + 1})` : ''} is not one e-mail address`,
        {
          connection: 'email',
          code: 'invalid_address',
          remedy: `Write one address per entry; several recipients are a list: ${field}: [a@example.com, b@example.com].`,
        },
      );
    }
    return [mailbox];
  });
}
