import { resolve } from 'node:path';
import { readTextFile } from '../yaml/text-file';

/** The values of variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A text with its references replaced, or what is wrong with the first that cannot be resolved. */
export type Resolved = { ok: true; text: string } | { ok: false; message: string; hint: string };

const REFERENCE = /\$\$\{|\$\{([^}]*)\}/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const MAX_FILE_CHARS = 65_536;

/** What the tokens of known services look like. A settings file is shared, so they belong in the environment. */
const TOKENS = [
  /\bxox[abeoprs]-/,
  /\bxapp-/,
  /\bpat-[a-z]{2}\d-/,
  /\bvb_[A-Za-z0-9_-]{16,}/,
  /\bsk_(?:live|test)_/,
  /^smtps?:\/\/[^/@\s]*:[^/@\s]+@/,
];

/**
 * Replaces `${env:NAME}`, `${env:NAME:-default}` (the default also when the variable is empty) and `${file:/path}`
 * (without the newline at its end) in a text. `$${` gives a literal `${`. Inserted text is not searched for references.
 *
 * @param folder what the paths of `${file:…}` are relative to.
 */
export function resolveReferences(text: string, env: Environment, folder: string): Resolved {
  let problem: Resolved | null = null;
  const replaced = text.replaceAll(REFERENCE, (whole, inside?: string) => {
    if (inside === undefined) {
      return '${';
    }
    const value = lookUp(inside, env, folder);
    if (typeof value === 'string') {
      return value;
    }
    problem ??= value;
    return whole;
  });
  return problem ?? { ok: true, text: replaced };
}

/** Whether a text, apart from its references, contains what looks like a secret. */
export function holdsToken(text: string): boolean {
  const literal = text.replaceAll(REFERENCE, '');
  return TOKENS.some((token) => token.test(literal));
}

function lookUp(inside: string, env: Environment, folder: string): string | Resolved {
  const [, kind, rest = ''] = /^(env|file):(.*)$/s.exec(inside) ?? [];
  if (kind === 'file') {
    return readWhole(resolve(folder, rest), rest);
  }
  const [, name = '', fallback] = /^(.*?)(?::-(.*))?$/s.exec(rest) ?? [];
  if (kind === undefined || !NAME.test(name)) {
    return {
      ok: false,
      message: 'unknown kind of reference',
      hint: 'write ${env:NAME}, ${env:NAME:-default} or ${file:/path}; for a literal ${ write $${',
    };
  }
  const value = env[name];
  if (value !== undefined && (value !== '' || fallback === undefined)) {
    return value;
  }
  return (
    fallback ?? {
      ok: false,
      message: `the environment variable ${name} is not set`,
      hint: `set it, or give a default: \${env:${name}:-...}`,
    }
  );
}

function readWhole(path: string, shown: string): string | Resolved {
  const file = readTextFile(path, MAX_FILE_CHARS);
  return file.ok
    ? file.text.replace(/\r?\n$/, '')
    : { ok: false, message: `the file ${shown} ${file.problem}`, hint: 'check its path and permissions' };
}
