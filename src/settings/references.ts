import { resolve } from 'node:path';
import { holdsToken } from '../text/tokens';
import { readTextFile } from '../yaml/text-file';

/** The values of variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A text with its references replaced, or what is wrong with the first that cannot be resolved. */
export type Resolved = { ok: true; text: string } | { ok: false; message: string; hint: string };

const REFERENCE = /\$\$\{|\$\{([^}]*)\}/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const MAX_FILE_CHARS = 65_536;

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
    const found = lookUpReference(inside, env, folder);
    if (found.ok) {
      return found.text;
    }
    problem ??= found;
    return whole;
  });
  return problem ?? { ok: true, text: replaced };
}

/** Whether a text, apart from its references, contains what looks like a secret. */
export function holdsLiteralToken(text: string): boolean {
  return holdsToken(text.replaceAll(REFERENCE, ''));
}

/** The references in a text, such as `env:NAME` and `file:/path`. */
export function referencesIn(text: string): string[] {
  return [...text.matchAll(REFERENCE)].flatMap(([, inside]) => (inside === undefined ? [] : [inside]));
}

/** Looks up what is between the braces of a reference. */
export function lookUpReference(inside: string, env: Environment, folder: string): Resolved {
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
    return { ok: true, text: value };
  }
  return fallback === undefined
    ? {
        ok: false,
        message: `the environment variable ${name} is not set`,
        hint: `set it, or give a default: \${env:${name}:-...}`,
      }
    : { ok: true, text: fallback };
}

function readWhole(path: string, shown: string): Resolved {
  const file = readTextFile(path, MAX_FILE_CHARS);
  return file.ok
    ? { ok: true, text: file.text.replace(/\r?\n$/, '') }
    : { ok: false, message: `the file ${shown} ${file.problem}`, hint: 'check its path and permissions' };
}
