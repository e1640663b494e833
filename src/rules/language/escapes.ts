import { Drop } from 'liquidjs';
import { digitsOf, toJsonText } from '../../events/exact-number';
import type { Sink } from '../../connectors/connector';
import { LiquidNumber } from './liquid-numbers';

/** A value without Liquid's objects: `nil`, `empty` and `blank` are null and the empty text, an exact number its digits. */
export function plainValue(value: unknown): unknown {
  if (value instanceof LiquidNumber) {
    return String(value);
  }
  return value instanceof Drop ? value.valueOf() : value;
}

/** A value as the text that a template inserts; objects as JSON, null as nothing. */
export function asText(inserted: unknown): string {
  const value = plainValue(inserted);
  if (value === null || value === undefined) {
    return '';
  }
  if (typeof value === 'object') {
    return digitsOf(value) ?? toJsonText(value);
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

const HTML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** A half of a surrogate pair without the other. */
const HALF = /\p{Surrogate}/gu;
/** Line breaks of word processors and of mainframes. */
const RARE_BREAK = /[\v\f\u0085]/g;
/** Control characters other than tab and line breaks. */
const CONTROL = /(?![\t\n\r])\p{Cc}/gu;

/**
 * An inserted text as providers take it: without halves of surrogate pairs, which become U+FFFD, and without control
 * characters. JSON, XML, HTTP and databases refuse one or the other, and with it the whole request.
 */
export function wellFormed(text: string): string {
  return text.replace(HALF, '\ufffd').replace(RARE_BREAK, '\n').replace(CONTROL, '');
}

const LINE_BREAK = /\r\n|[\r\n]/g;

/** The line breaks of a text as HTML. */
export function htmlLines(text: string): string {
  return text.replace(LINE_BREAK, '<br>\n');
}

/** Escapes an inserted value for the place where the text goes. */
export const ESCAPES: Readonly<Record<Sink, (text: string) => string>> = {
  plain: (text) => text,
  html: (text) => htmlLines(text.replace(/[&<>"']/g, (character) => HTML[character] ?? '')),
  slack: (text) => text.replace(/[&<>]/g, (character) => HTML[character] ?? ''),
  // A header is one line, and mail systems disagree about which control characters end it: all are replaced.
  header: (text) => text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim(),
  url: encodeURIComponent,
  // The connector makes the JSON.
  json: (text) => text,
};
