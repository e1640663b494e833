import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { readTextFile } from '../yaml/text-file';
import type { SettingValues } from './definitions';
import type { Report } from './report';
import { Secret } from './secret';

const MAX_PEM_CHARS = 1_000_000;
const TLS_FILES = ['receiver.tls.cert_file', 'receiver.tls.key_file'] as const;

/** The certificate and key of the webhook, which fit each other. */
export interface TlsFiles {
  /** Where the key came from, an absolute path. */
  keyFile: string;
  /** PEM, with the chain if the file has it. */
  cert: string;
  key: Secret;
}

/**
 * Reads the files of `receiver.tls`, once: what is checked is what is served.
 * @returns undefined when there are none, or one of them cannot be used, which is reported.
 */
export function readTlsFiles(values: SettingValues, directory: string, report: Report): TlsFiles | undefined {
  const [cert, key] = TLS_FILES.map((name) => {
    const path = values[name];
    const read = path === null ? null : readTextFile(resolve(directory, path), MAX_PEM_CHARS);
    if (read !== null && !read.ok) {
      report(name, 'file', `the file ${read.problem}`);
    }
    return path === null || read === null || !read.ok ? null : { path: resolve(directory, path), text: read.text };
  });
  const missing = TLS_FILES.filter((name) => values[name] === null);
  if (missing.length === 1 && missing[0] !== undefined) {
    report(missing[0], 'missing-setting', 'is missing: TLS needs both the certificate and its key');
  }
  if (cert === undefined || cert === null || key === undefined || key === null) {
    return undefined;
  }
  for (const [name, problem] of [
    ['receiver.tls.cert_file', problemOf({ cert: cert.text })],
    ['receiver.tls.key_file', problemOf({ key: key.text })],
    ['receiver.tls.key_file', problemOf({ cert: cert.text, key: key.text })],
  ] as const) {
    if (problem !== null) {
      report(name, 'file', PROBLEMS[problem] ?? `the file cannot be used for TLS (${problem})`);
      return undefined;
    }
  }
  return { keyFile: key.path, cert: cert.text, key: new Secret(key.text) };
}

/** What OpenSSL's codes mean for these files. */
const PROBLEMS: Readonly<Record<string, string>> = {
  ERR_OSSL_PEM_NO_START_LINE: 'the file is not PEM: it has no -----BEGIN ...-----',
  ERR_OSSL_UNSUPPORTED: 'the file is not PEM: it has no -----BEGIN ...-----',
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'the key is not that of the certificate in receiver.tls.cert_file',
  ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED: 'the key is encrypted: the bridge has no passphrase for it',
  ERR_OSSL_BAD_DECRYPT: 'the key is encrypted: the bridge has no passphrase for it',
};

/** @returns OpenSSL's code; null when it takes them. */
function problemOf(pair: { cert?: string; key?: string }): string | null {
  try {
    createSecureContext(pair);
    return null;
  } catch (error) {
    return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
  }
}
