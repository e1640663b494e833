import type { Sink } from '../../connectors/connector';

/** A value as the text that a template inserts; objects as JSON, null as nothing. */
export function asText(value: unknown): string {
  if (value === null || value === undefined) {
    return '';
  }
  if (typeof value === 'object') {
    return JSON.stringify(value);
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

const HTML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Escapes an inserted value for the place where the text goes. */
export const ESCAPES: Readonly<Record<Sink, (text: string) => string>> = {
  plain: (text) => text,
  html: (text) => text.replace(/[&<>"']/g, (character) => HTML[character] ?? ''),
  slack: (text) => text.replace(/[&<>]/g, (character) => HTML[character] ?? ''),
  // A header is one line, and mail systems disagree about which control characters end it: all are replaced.
  header: (text) => text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim(),
  url: (text) => encodeURIComponent(text.replace(/[\ud800-\udfff]/gu, '\ufffd')),
  json: (text) => JSON.stringify(text).slice(1, -1),
};
